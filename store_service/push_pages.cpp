#include "store_service/push_pages.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace duet {
namespace {

// Of a page, what is not an event: the members' names, an epoch, a set of users, three numbers.
constexpr std::size_t kPageFrameBytes = 384;

}  // namespace

PushPages::PushPages(std::string epoch, StoreReader& reader, const RegisteredUsers& users)
    : epoch_(std::move(epoch)), reader_(reader), users_(users) {}

std::optional<PushFeedPage> PushPages::answer(const PushFeedAsk& ask) {
  if (spared_ && spared_->ask != ask) spared_.reset();
  const LogNumber last = reader_.last_log_number();
  if (ask.epoch == epoch_ && ask.after <= last) return look(ask, last);
  const bool is_new = ask.epoch.empty();
  spdlog::info("push {}, log number {}", is_new ? "begins here" : "is of another epoch and goes on here",
               last);
  return PushFeedPage{.epoch = epoch_, .reset = true, .through = last};
}

std::optional<PushFeedPage> PushPages::look(const PushFeedAsk& ask, LogNumber last) {
  const LogNumber from = spared_ ? spared_->through : ask.after;
  if (from == last) return std::nullopt;
  auto found = reader_.feed(from, kPushFeedEvents, kPushFeedBytes - kPageFrameBytes);
  const LogNumber through = found.items.empty() ? last : log_of(found.items.back());
  auto only = ask.only ? users_.keep_only(*ask.only, found.items) : std::nullopt;
  // A page says the least that was known in any of its looks.
  if (spared_) only = spared_->only;
  if (only && found.items.empty() && !found.more && through - ask.after < kSparedAtMost) {
    spared_ = {ask, through, *std::move(only)};
    return std::nullopt;
  }
  spared_.reset();
  return PushFeedPage{.epoch = epoch_,
                      .after = ask.after,
                      .through = through,
                      .more = found.more,
                      .events = std::move(found.items),
                      .only = std::move(only)};
}

}  // namespace duet
