// journal/sync_thread.h: writes the journal's files through to the disk every so often, beside the
// broker's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

#include "file_io/file.h"

namespace duet {

// Owned by the journal; its methods are for the broker's thread and never wait for the disk. The destructor
// ends the thread after a last round.
class SyncThread {
 public:
  explicit SyncThread(std::chrono::milliseconds interval);
  ~SyncThread();
  SyncThread(const SyncThread&) = delete;
  SyncThread& operator=(const SyncThread&) = delete;

  // From now on `file` is the one that is written to. What was written to the one before is still synced.
  void follow(std::shared_ptr<const File> file);
  // Something was written to the file since the last round.
  void written() { dirty_.store(true, std::memory_order_release); }
  // The first error of a round. It stays: what a failed sync left in the cache may be lost.
  std::error_code failure() const;

 private:
  void run(const std::stop_token& stop);
  void sync_round();

  const std::chrono::milliseconds interval_;
  std::atomic<bool> dirty_ = false;

  // State below is protected by mutex_.
  mutable std::mutex mutex_;
  std::shared_ptr<const File> current_;
  std::vector<std::shared_ptr<const File>> finished_;  // written to and left since the last round
  std::error_code failure_;

  std::condition_variable_any wake_;
  std::jthread thread_;  // last: the thread uses all of the above
};

}  // namespace duet
