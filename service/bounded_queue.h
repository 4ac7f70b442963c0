// service/bounded_queue.h: a queue between threads that never grows past its capacity.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace duet {

// Any number of producers and consumers.
template <typename Item>
class BoundedQueue {
 public:
  using Clock = std::chrono::steady_clock;

  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Takes `item` unless the queue is full: then it returns false and leaves `item` as it is.
  [[nodiscard]] bool push(Item&& item) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    filled_.notify_one();
    return true;
  }

  // Takes `item` even when the queue is full. For what must not be lost and whose number something else
  // bounds.
  void push_beyond(Item&& item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    filled_.notify_one();
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  bool full() const { return size() >= capacity_; }

  // Waits for an item. Returns nullopt once `stop` is requested.
  std::optional<Item> pop(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!filled_.wait(lock, stop, [this] { return !items_.empty(); })) return std::nullopt;
    return take();
  }

  // The same, but returns nullopt at the deadline too.
  std::optional<Item> pop_until(const std::stop_token& stop, Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!filled_.wait_until(lock, stop, deadline, [this] { return !items_.empty(); })) return std::nullopt;
    return take();
  }

 private:
  Item take() {
    Item item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable_any filled_;
  std::deque<Item> items_;
};

}  // namespace duet
