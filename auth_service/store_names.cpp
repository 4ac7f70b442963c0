#include "auth_service/store_names.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "acl/base64url.h"
#include "acl/crypto.h"
#include "protocol/topic.h"

namespace duet {
namespace {

constexpr std::size_t kPrefixBytes = 9;

}  // namespace

StoreNames::StoreNames(AuthDatabase& database, std::vector<UserId> bots, Publish publish,
                       StoreNamesTimes times)
    : database_(database),
      bots_(std::move(bots)),
      publish_(std::move(publish)),
      times_(times),
      prefix_(encode_base64url(random_bytes(kPrefixBytes)) + "-") {}

std::string StoreNames::next_request() {
  return prefix_ + std::to_string(++requests_);
}

PublishResult StoreNames::publish(const NamesAsk& ask) {
  return publish_(
      {.topic = format_topic(ServiceTopic{"auth", ServiceKind::names}), .payload = format_names_ask(ask)});
}

Claim StoreNames::claim(const UserId& user) {
  std::unique_lock lock(mutex_);
  if (claims_.size() >= kMaxWaiting) return Claim::unavailable;
  const NamesAsk ask{next_request(), user, {}, std::nullopt};
  auto& answer = claims_[ask.req];
  const auto deadline = Clock::now() + times_.patience;
  // Asked again while there is no answer: the store, or the broker, may just be coming back.
  while (!answer && Clock::now() < deadline) {
    publish(ask);
    changed_.wait_until(lock, std::min(deadline, Clock::now() + times_.repeat),
                        [&answer] { return answer.has_value(); });
  }
  const auto free = answer;
  claims_.erase(ask.req);
  if (!free) return Claim::unavailable;
  return *free ? Claim::free : Claim::used;
}

void StoreNames::connected() {
  const std::scoped_lock lock(mutex_);
  look(Clock::now());
}

void StoreNames::tick(Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  if (telling_ ? now - telling_->since < times_.unanswered
               : up_to_date_ && now - *up_to_date_ < times_.interval) {
    return;
  }
  look(now);
}

// How far is the store?
void StoreNames::look(Clock::time_point now) {
  NamesAsk ask{next_request(), std::nullopt, {}, std::nullopt};
  telling_ = Telling{ask.req, 0, now};
  for (const auto& bot : bots_) {
    if (ask.add.size() == kServicePage) {
      publish(ask);
      ask.add.clear();
    }
    ask.add.push_back(bot);
  }
  publish(ask);
}

void StoreNames::answered(std::string_view payload) {
  const auto answer = parse_names_answer(payload);
  if (!answer) return spdlog::error("malformed svc/store/names payload");
  const std::scoped_lock lock(mutex_);
  if (const auto claim = claims_.find(answer->req); claim != claims_.end() && answer->free) {
    claim->second = answer->free;
    changed_.notify_all();
  }
  if (!telling_ || telling_->req != answer->req) return;
  // A store that does not get on is not told the same in a loop: the tick tells it again.
  if (answer->through < telling_->through) return;
  try {
    go_on(answer->through, Clock::now());
  } catch (const std::exception& error) {
    spdlog::error("accounts cannot be told to the store, trying again: {}", error.what());
  }
}

void StoreNames::go_on(std::uint64_t through, Clock::time_point now) {
  auto page = database_.accounts_after(through, kServicePage);
  if (page.through == through) {
    telling_.reset();
    up_to_date_ = now;
    return;
  }
  const NamesAsk ask{next_request(), std::nullopt, std::move(page.users),
                     NamesAsk::Range{through, page.through}};
  telling_ = Telling{ask.req, page.through, now};
  publish(ask);
}

}  // namespace duet
