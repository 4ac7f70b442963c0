// store_service/push_feed.h: the thread that answers the push bridge's ask (docs/adr/0019-push-feed.md).
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "store_service/publisher.h"
#include "store_service/push_asks.h"
#include "store_service/push_pages.h"
#include "store_service/registered_users.h"
#include "store_service/store.h"

namespace duet {

// Answers as soon as there is something after the place that was asked for, but looks at the log no more
// often than every kSpacing once it has caught up: events gather, and a page costs about the same whatever it
// holds. An answer that cannot be read or sent is dropped with its ask: the bridge asks again within a
// second.
//
// Owns a thread with a reader of its own. Everything referred to outlives it.
class PushFeed {
 public:
  static constexpr std::chrono::milliseconds kSpacing{50};

  // Throws StoreError.
  PushFeed(Database& database, PushAsks& asks, const RegisteredUsers& users, Publisher& publisher);
  PushFeed(const PushFeed&) = delete;
  PushFeed& operator=(const PushFeed&) = delete;

 private:
  void run(const std::stop_token& stop);
  void send(const PushFeedPage& page);

  const std::string epoch_;
  PushAsks& asks_;
  Publisher& publisher_;
  const std::unique_ptr<StoreReader> reader_;
  PushPages pages_;      // the thread's
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
