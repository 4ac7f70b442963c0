// Linked into tests that start no thread (SINGLE_THREADED in tests/CMakeLists.txt), which ThreadSanitizer
// therefore does not run: such a test ends here when it starts one after all.

#include <pthread.h>

#include <cstdio>
#include <cstdlib>

int pthread_create(pthread_t* /*thread*/, const pthread_attr_t* /*attributes*/, void* (* /*start*/)(void*),
                   void* /*argument*/) noexcept {
  std::fputs("this test is SINGLE_THREADED, and starts a thread: see duet_test in tests/CMakeLists.txt\n",
             stderr);
  std::abort();
}
