// ws_gateway/buffer_pool.h: memory that a connection has only while bytes are on their way through it.
//
// One thread owns it; in_use may be asked by any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace duet {

inline constexpr std::size_t kBufferBytes = 8192;
using Buffer = std::array<char, kBufferBytes>;

class BufferPool {
 public:
  struct Return {
    BufferPool* pool;
    void operator()(Buffer* buffer) const { pool->put(std::unique_ptr<Buffer>(buffer)); }
  };
  // Must not outlive the pool.
  using Lease = std::unique_ptr<Buffer, Return>;

  Lease take();
  std::size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  // Kept for the next; the others are freed.
  static constexpr std::size_t kSpare = 64;

  void put(std::unique_ptr<Buffer> buffer);

  std::vector<std::unique_ptr<Buffer>> spare_;
  std::atomic<std::size_t> in_use_{0};
};

}  // namespace duet
