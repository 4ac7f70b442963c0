// store_service/presence_worker.h: the thread that owns Presence.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "store_service/presence.h"
#include "store_service/presence_queue.h"
#include "store_service/publisher.h"
#include "store_service/store.h"
#include "store_service/write_queue.h"

namespace duet {

struct PresenceOptions {
  std::chrono::milliseconds debounce{2000};
  std::size_t devices_per_user = 16;
};

// Takes events, publishes what watchers are to hear, and has the writer store when devices were seen. Queues
// and publisher outlive it.
class PresenceWorker {
 public:
  // Reads all blocks. Throws StoreError.
  PresenceWorker(Database& database, PresenceQueue& queue, WriteQueue& writes, Publisher& publisher,
                 PresenceOptions options);
  PresenceWorker(const PresenceWorker&) = delete;
  PresenceWorker& operator=(const PresenceWorker&) = delete;

 private:
  void run(const std::stop_token& stop);
  void handle(const StateChange& event);
  void handle(const PresenceSnapshot& event);
  void handle(const WatchRequest& event);
  void handle(DevicesRequest& event);
  void handle(const BlocksChanged& event);
  void handle(const UpdatesLost& event);
  // Here, because the one who replies to a block must have stopped passing typing on.
  void handle(const TypingNotice& notice);
  void tell(std::vector<Presence::Update> updates);
  void store(std::vector<WriteTransaction::DeviceChange> devices);

  PresenceQueue& queue_;
  WriteQueue& writes_;
  Publisher& publisher_;
  const PresenceOptions options_;
  Presence presence_;    // the thread's
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
