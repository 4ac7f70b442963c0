#include "file_io/core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace duet {

void forbid_core_dumps() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot forbid core dumps");
  }
}

void hide_memory() {
  forbid_core_dumps();
  if (kHidesMemory && ::prctl(PR_SET_DUMPABLE, 0) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot hide the memory of the process");
  }
}

}  // namespace duet
