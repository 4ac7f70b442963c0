#include "ws_gateway/open_files.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace duet {

std::size_t make_room_for(std::size_t connections) {
  constexpr rlim_t kOthers = 256;  // refused connections, files on their way, the log
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw std::system_error(errno, std::generic_category(), "reading the limit of open files");
  }
  const rlim_t wanted = 2 * connections + kOthers;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      throw std::system_error(errno, std::generic_category(), "raising the limit of open files");
    }
  }
  if (limit.rlim_cur >= wanted) return connections;
  return limit.rlim_cur > kOthers ? (limit.rlim_cur - kOthers) / 2 : 1;
}

}  // namespace duet
