// libduet_clock_shim.so: a wall clock that can be moved, for processes that run under LD_PRELOAD.
//
//   DUET_CLOCK_OFFSET   a file of 8 bytes: nanoseconds, signed, that are added to the time of day. Made if it
//   is
//                       not there; whoever writes it moves the clock of every process that has it.
//
//   DUET_CLOCK_ONLY     the name of a program (as in /proc/PID/comm): the clock of all others stays as it is.
//
// The clocks that do not follow the time of day (CLOCK_MONOTONIC and others) stay as they are. Waits until a
// time of day end when the moved clock has it, as they would if the system's clock had been moved: the kernel
// knows nothing of ours. (Paho waits so: in its thread that sends.)

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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

bool concerns_us() {
  const char* only = std::getenv("DUET_CLOCK_ONLY");
  return only == nullptr || std::strcmp(only, program_invocation_short_name) == 0;
}

std::int64_t offset() {
  static const auto* const mapped = concerns_us() ? map_offset() : nullptr;
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

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

timespec moved_now() {
  timespec now{};
  moved_time(CLOCK_REALTIME, &now);
  return now;
}

timespec system_time(clockid_t clock) {
  timespec now{};
  ::syscall(SYS_clock_gettime, clock, &now);
  return now;
}

// Deadlines of other clocks come to the same function (a condition variable knows its clock, its caller does
// not say): they are close to those clocks.
bool is_time_of_day(const timespec& deadline) {
  const auto distance = [&](const timespec& now) {
    return std::abs(nanoseconds(deadline) - nanoseconds(now));
  };
  return distance(moved_now()) <= distance(system_time(CLOCK_MONOTONIC));
}

// Waits in short steps until the moved clock has the deadline: it may be moved meanwhile, and a deadline that
// was a second away be two hours away, as with the system's clock. `wait` waits until a time of the system.
template <typename Wait>
int wait_until_moved(const timespec& deadline, Wait wait) {
  constexpr std::int64_t kStep = kNanosecondsPerSecond / 10;
  while (true) {
    const std::int64_t left = nanoseconds(deadline) - nanoseconds(moved_now());
    const std::int64_t until =
        nanoseconds(system_time(CLOCK_REALTIME)) + std::clamp<std::int64_t>(left, 0, kStep);
    const timespec step{until / kNanosecondsPerSecond, until % kNanosecondsPerSecond};
    const int result = wait(&step);
    if (result != ETIMEDOUT || left <= kStep) return result;
  }
}

// The C library's own; of the version that programs are linked with today.
template <typename Function>
Function next(const char* name, const char* version) {
  return reinterpret_cast<Function>(::dlvsym(RTLD_NEXT, name, version));
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

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* deadline) {
  static const auto wait =
      duet::next<decltype(&pthread_cond_timedwait)>("pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!duet::is_time_of_day(*deadline)) return wait(condition, mutex, deadline);
  return duet::wait_until_moved(*deadline,
                                [&](const timespec* step) { return wait(condition, mutex, step); });
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* deadline) {
  static const auto wait =
      duet::next<decltype(&pthread_cond_clockwait)>("pthread_cond_clockwait", "GLIBC_2.30");
  if (clock != CLOCK_REALTIME) return wait(condition, mutex, clock, deadline);
  return duet::wait_until_moved(*deadline,
                                [&](const timespec* step) { return wait(condition, mutex, clock, step); });
}

time_t time(time_t* out) noexcept {
  const time_t now = duet::moved_now().tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

}  // extern "C"
