// libduet_clock_shim.so: a wall clock that can be moved, for processes that run under LD_PRELOAD.
//
//   DUET_CLOCK_OFFSET   a file of 8 bytes: nanoseconds, signed, that are added to the time of day. Made if it
//   is
//                       not there; whoever writes it moves the clock of every process that has it.
//
// The clocks that do not follow the time of day (CLOCK_MONOTONIC and others) stay as they are.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace duet {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// Null when there is no such file.
std::atomic<std::int64_t>* map_offset() {
  const char* path = std::getenv("DUET_CLOCK_OFFSET");
  if (path == nullptr) return nullptr;
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  const bool sized = ::ftruncate(fd, sizeof(std::int64_t)) == 0;
  void* memory = sized ? ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  ::close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<std::atomic<std::int64_t>*>(memory);
}

std::int64_t offset() {
  static const auto* const mapped = map_offset();
  return mapped == nullptr ? 0 : mapped->load(std::memory_order_relaxed);
}

// Past the C library, whose function is the one below.
int moved_time(clockid_t clock, timespec* time) {
  const int result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
  const std::int64_t moved = time->tv_sec * kNanosecondsPerSecond + time->tv_nsec + offset();
  time->tv_sec = moved / kNanosecondsPerSecond;
  time->tv_nsec = moved % kNanosecondsPerSecond;
  return 0;
}

timespec moved_now() {
  timespec now{};
  moved_time(CLOCK_REALTIME, &now);
  return now;
}

}  // namespace
}  // namespace duet

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  return duet::moved_time(clock, time);
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const timespec now = duet::moved_now();
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) noexcept {
  const time_t now = duet::moved_now().tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

}  // extern "C"
