// clock-probe: waits until 10 ms of the time of day have passed, in both ways that programs do it. For the
// test of the clock shim.

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>

int main() {
  constexpr auto kWait = std::chrono::milliseconds(10);
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, std::chrono::system_clock::now() + kWait, [] { return false; });

  // As Paho does.
  pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t plain_never = PTHREAD_COND_INITIALIZER;
  timespec deadline{};
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 1;
  pthread_mutex_lock(&plain_mutex);
  while (pthread_cond_timedwait(&plain_never, &plain_mutex, &deadline) == 0) {
  }
  pthread_mutex_unlock(&plain_mutex);
}
