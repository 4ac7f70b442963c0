#include "store_service/write_queue.h"

#include <utility>

namespace duet {

bool WriteQueue::push_frame(std::string bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (frames_.size() >= kMaxFrames) return false;
    frames_.push_back(std::move(bytes));
  }
  filled_.notify_one();
  return true;
}

bool WriteQueue::push_job(WriteJob job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxJobs) return false;
    jobs_.push_back(std::move(job));
  }
  filled_.notify_one();
  return true;
}

void WriteQueue::note_seen(const UserId& user) {
  const std::lock_guard lock(mutex_);
  if (seen_.size() >= kMaxSeen || seen_lately_.contains(user)) return;
  if (seen_lately_.size() >= kMaxSeen) seen_lately_.clear();
  seen_lately_.insert(user);
  seen_.push_back(user);
}

void WriteQueue::connected() {
  {
    const std::lock_guard lock(mutex_);
    ++sessions_;
    connected_ = true;
  }
  filled_.notify_one();
}

std::uint64_t WriteQueue::disconnected() {
  const std::lock_guard lock(mutex_);
  frames_.clear();
  return std::exchange(connected_, false) ? sessions_ : 0;
}

std::uint64_t WriteQueue::session() const {
  const std::lock_guard lock(mutex_);
  return connected_ ? sessions_ : 0;
}

std::size_t WriteQueue::jobs() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

bool WriteQueue::wait(const std::stop_token& stop, std::uint64_t known,
                      std::chrono::steady_clock::duration patience) {
  std::unique_lock lock(mutex_);
  return filled_.wait_for(lock, stop, patience, [&] {
    return !jobs_.empty() || (connected_ && (sessions_ != known || !frames_.empty()));
  });
}

WriteQueue::Work WriteQueue::take(std::uint64_t session) {
  const std::lock_guard lock(mutex_);
  Work work;
  work.jobs.swap(jobs_);
  work.seen.swap(seen_);
  if (connected_ && sessions_ == session) work.frames.swap(frames_);
  return work;
}

}  // namespace duet
