// auth_service/worker_pool.h: a fixed number of threads and a bounded queue.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace duet {

// Thread-safe. A task must not throw.
class WorkerPool {
 public:
  // As many tasks as there are threads may wait.
  explicit WorkerPool(std::size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Waits while the queue is full.
  void add(std::function<void()> task);
  // Finishes every task that was added, and ends the threads. Call it once, and add nothing afterwards.
  void finish();
  // How many threads wait in add().
  std::size_t waiting_to_add() const;

 private:
  void work();

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<std::function<void()>> waiting_;
  std::size_t adding_ = 0;  // threads that wait for a place
  bool finishing_ = false;

  std::vector<std::jthread> threads_;
};

}  // namespace duet
