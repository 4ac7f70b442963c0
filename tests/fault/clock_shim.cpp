// libduet_clock_shim.so: a wall clock that can be moved, for processes that run under LD_PRELOAD.
//
//   DUET_CLOCK_OFFSET   a file of 8 bytes: nanoseconds, signed, that are added to the time of day. Made if it
//   is
//                       not there; whoever writes it moves the clock of every process that has it.
//
// The clocks that do not follow the time of day (CLOCK_MONOTONIC and others) stay as they are. Waits until a
// time of day end when the moved clock has it, as they would if the system's clock had been moved: the kernel
// knows nothing of ours. (Paho waits so, in each of its threads.)

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
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

// The same moment on the system's clock. Deadlines of other clocks come here too (a condition variable knows
// its clock, its caller does not say): those count from the start of the machine, and are small.
timespec on_system_clock(const timespec& deadline) {
  constexpr time_t kSurelyADate = 1'000'000'000;
  if (deadline.tv_sec < kSurelyADate) return deadline;
  const std::int64_t moved = deadline.tv_sec * kNanosecondsPerSecond + deadline.tv_nsec - offset();
  return {moved / kNanosecondsPerSecond, moved % kNanosecondsPerSecond};
}

// The C library's own; of the version that programs are linked with today.
template <typename Function>
Function next(const char* name, const char* version) {
  return reinterpret_cast<Function>(::dlvsym(RTLD_NEXT, name, version));
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

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* deadline) {
  static const auto wait =
      duet::next<decltype(&pthread_cond_timedwait)>("pthread_cond_timedwait", "GLIBC_2.3.2");
  const timespec system = duet::on_system_clock(*deadline);
  return wait(condition, mutex, &system);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* deadline) {
  static const auto wait =
      duet::next<decltype(&pthread_cond_clockwait)>("pthread_cond_clockwait", "GLIBC_2.30");
  const timespec system = clock == CLOCK_REALTIME ? duet::on_system_clock(*deadline) : *deadline;
  return wait(condition, mutex, clock, &system);
}

time_t time(time_t* out) noexcept {
  const time_t now = duet::moved_now().tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

}  // extern "C"
