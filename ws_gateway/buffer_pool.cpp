#include "ws_gateway/buffer_pool.h"

#include <utility>

namespace duet {

BufferPool::Lease BufferPool::take() {
  std::unique_ptr<Buffer> buffer;
  if (spare_.empty()) {
    buffer.reset(new Buffer);  // not cleared: it is written before it is read
  } else {
    buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  in_use_.fetch_add(1, std::memory_order_relaxed);
  return {buffer.release(), Return{this}};
}

void BufferPool::put(std::unique_ptr<Buffer> buffer) {
  in_use_.fetch_sub(1, std::memory_order_relaxed);
  if (spare_.size() < kSpare) spare_.push_back(std::move(buffer));
}

}  // namespace duet
