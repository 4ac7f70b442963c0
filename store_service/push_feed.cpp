#include "store_service/push_feed.h"

#include <spdlog/spdlog.h>

#include "file_io/store_error.h"
#include "protocol/topic.h"

namespace duet {
namespace {

// Of a page, what is not an event: the members' names, an epoch, two numbers.
constexpr std::size_t kPageFrameBytes = 256;

}  // namespace

PushFeed::PushFeed(Database& database, PushAsks& asks, Publisher& publisher)
    : epoch_(database.epoch()),
      asks_(asks),
      publisher_(publisher),
      reader_(database.reader()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void PushFeed::run(const std::stop_token& stop) {
  while (const auto waiting = asks_.next(stop)) {
    try {
      if (!answer(waiting->ask)) continue;
    } catch (const StoreError& error) {
      spdlog::error("push cannot be told what is new: {}", error.what());
    }
    asks_.done(waiting->number);
  }
}

bool PushFeed::answer(const PushFeedAsk& ask) {
  const LogNumber last = reader_->last_log_number();
  if (ask.epoch != epoch_ || ask.after > last) {
    const bool is_new = ask.epoch.empty();
    spdlog::info("push {}, log number {}", is_new ? "begins here" : "is of another epoch and goes on here",
                 last);
    send({.epoch = epoch_, .reset = true, .through = last});
    return true;
  }
  asks_.set_confirmed(ask.after);
  if (ask.after == last) return false;
  auto found = reader_->feed(ask.after, kPushFeedEvents, kPushFeedBytes - kPageFrameBytes);
  const LogNumber through = found.items.empty() ? last : log_of(found.items.back());
  send({.epoch = epoch_,
        .after = ask.after,
        .through = through,
        .more = found.more,
        .events = std::move(found.items)});
  return true;
}

void PushFeed::send(const PushFeedPage& page) {
  const auto result = publisher_.publish({.topic = format_topic(ServiceTopic{"store", ServiceKind::feed}),
                                          .payload = format_push_feed_page(page),
                                          .lane = Link::Lane::bulk});
  if (result != PublishResult::accepted) spdlog::debug("a page for push was not sent");
}

}  // namespace duet
