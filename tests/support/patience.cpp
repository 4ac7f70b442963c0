#include "tests/support/patience.h"

#include <condition_variable>
#include <mutex>

namespace duet {

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kPollInterval{5};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::mutex mutex;
  std::condition_variable never_signalled;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::unique_lock lock(mutex);
    never_signalled.wait_for(lock, kPollInterval);
  }
  return true;
}

}  // namespace duet
