#include "broker_plugin/backlog.h"

#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace duet {
namespace {

std::vector<int> open_files() {
  std::vector<int> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", none)) {
    const std::string name = entry.path().filename().string();
    int file = -1;
    std::from_chars(name.data(), name.data() + name.size(), file);
    files.push_back(file);
  }
  return files;
}

bool listens(int file) {
  int yes = 0;
  socklen_t size = sizeof yes;
  return ::getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
}

}  // namespace

std::size_t widen_backlogs(int backlog) {
  std::size_t widened = 0;
  for (const int file : open_files()) {
    // To listen again changes the backlog and nothing else.
    if (listens(file) && ::listen(file, backlog) == 0) ++widened;
  }
  return widened;
}

}  // namespace duet
