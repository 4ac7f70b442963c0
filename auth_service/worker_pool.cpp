#include "auth_service/worker_pool.h"

#include <utility>

namespace duet {

WorkerPool::WorkerPool(std::size_t threads) : capacity_(threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  finish();
}

void WorkerPool::add(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  ++adding_;
  changed_.wait(lock, [this] { return waiting_.size() < capacity_; });
  --adding_;
  waiting_.push_back(std::move(task));
  changed_.notify_all();
}

void WorkerPool::finish() {
  {
    const std::scoped_lock lock(mutex_);
    finishing_ = true;
    changed_.notify_all();
  }
  threads_.clear();  // joins
}

std::size_t WorkerPool::waiting_to_add() const {
  const std::scoped_lock lock(mutex_);
  return adding_;
}

void WorkerPool::work() {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finishing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto task = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    lock.unlock();
    task();
  }
}

}  // namespace duet
