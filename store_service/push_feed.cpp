#include "store_service/push_feed.h"

#include <spdlog/spdlog.h>

#include "file_io/store_error.h"
#include "protocol/topic.h"

namespace duet {

PushFeed::PushFeed(Database& database, PushAsks& asks, const RegisteredUsers& users, Publisher& publisher)
    : epoch_(database.epoch()),
      asks_(asks),
      publisher_(publisher),
      reader_(database.reader()),
      pages_(epoch_, *reader_, users),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void PushFeed::run(const std::stop_token& stop) {
  std::chrono::steady_clock::time_point not_before;
  while (const auto waiting = asks_.next(stop, not_before)) {
    bool more = false;
    try {
      const auto page = pages_.answer(waiting->ask);
      if (waiting->ask.epoch == epoch_ && !(page && page->reset)) asks_.set_confirmed(waiting->ask.after);
      if (page) {
        more = page->more;
        send(*page);
        asks_.done(waiting->number);
      }
    } catch (const StoreError& error) {
      spdlog::error("push cannot be told what is new: {}", error.what());
      asks_.done(waiting->number);
    }
    if (!more) not_before = std::chrono::steady_clock::now() + kSpacing;
  }
}

void PushFeed::send(const PushFeedPage& page) {
  const auto result = publisher_.publish({.topic = format_topic(ServiceTopic{"store", ServiceKind::feed}),
                                          .payload = format_push_feed_page(page),
                                          .lane = Link::Lane::bulk});
  if (result != PublishResult::accepted) spdlog::debug("a page for push was not sent");
}

}  // namespace duet
