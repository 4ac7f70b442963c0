#include "file_io/core_dumps.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace duet {
namespace {

// What it returns in a process of its own, which does not change this one.
int in_child(int (*body)()) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool has_no_core_dumps() {
  rlimit limit{1, 1};
  ::getrlimit(RLIMIT_CORE, &limit);
  return limit.rlim_cur == 0 && limit.rlim_max == 0;
}

TEST(CoreDumps, AreForbiddenForGood) {
  EXPECT_EQ(in_child([] {
              forbid_core_dumps();
              return has_no_core_dumps() && ::prctl(PR_GET_DUMPABLE) == 1 ? 0 : 1;
            }),
            0);
}

TEST(CoreDumps, HiddenMemoryIsRootsAlone) {
  EXPECT_EQ(in_child([] {
              hide_memory();
              const int wanted = kHidesMemory ? 0 : 1;
              return has_no_core_dumps() && ::prctl(PR_GET_DUMPABLE) == wanted ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace duet
