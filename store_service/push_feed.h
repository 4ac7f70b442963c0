// store_service/push_feed.h: the thread that answers the push bridge's ask (docs/adr/0019-push-feed.md).
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "store_service/publisher.h"
#include "store_service/push_asks.h"
#include "store_service/store.h"

namespace duet {

// Answers as soon as there is something after the place that was asked for, on every commit anew and without
// a timer. An answer that cannot be read or sent is dropped with its ask: the bridge asks again within a
// second.
//
// Owns a thread with a reader of its own. Everything referred to outlives it.
class PushFeed {
 public:
  // Throws StoreError.
  PushFeed(Database& database, PushAsks& asks, Publisher& publisher);
  PushFeed(const PushFeed&) = delete;
  PushFeed& operator=(const PushFeed&) = delete;

 private:
  void run(const std::stop_token& stop);
  // False: there is nothing yet.
  bool answer(const PushFeedAsk& ask);
  void send(const PushFeedPage& page);

  const std::string epoch_;
  PushAsks& asks_;
  Publisher& publisher_;
  const std::unique_ptr<StoreReader> reader_;
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
