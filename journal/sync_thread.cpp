#include "journal/sync_thread.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace duet {
namespace {

// Signals are for the broker's own thread. A new thread inherits the mask of the one that starts it.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

SyncThread::SyncThread(std::chrono::milliseconds interval) : interval_(interval) {
  const AllSignalsBlocked blocked;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SyncThread::~SyncThread() {
  thread_.request_stop();
  thread_.join();
  sync_round();
}

void SyncThread::follow(std::shared_ptr<const File> file) {
  const std::lock_guard lock(mutex_);
  if (current_) finished_.push_back(std::move(current_));
  current_ = std::move(file);
}

std::error_code SyncThread::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void SyncThread::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, interval_, [] { return false; });
    }
    sync_round();
  }
}

void SyncThread::sync_round() {
  // Cleared before the sync: what is written meanwhile belongs to the next round.
  if (!dirty_.exchange(false, std::memory_order_acquire)) return;
  std::vector<std::shared_ptr<const File>> files;
  {
    const std::lock_guard lock(mutex_);
    files = std::exchange(finished_, {});
    if (current_) files.push_back(current_);
  }
  for (const auto& file : files) {
    if (const auto error = file->sync_data()) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = error;
    }
  }
}

}  // namespace duet
