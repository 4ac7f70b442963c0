#include "service/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace duet {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::string_view(value) : std::string_view();
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  const auto socket = variable("NOTIFY_SOCKET");
  const bool named = socket.size() > 1 && (socket.front() == '/' || socket.front() == '@');
  if (!named || socket.size() >= sizeof(sockaddr_un::sun_path)) return manager;
  manager.socket_ = socket;
  // WATCHDOG_PID: whom it is meant for, when that is not every process that inherits the environment.
  const auto pid = variable("WATCHDOG_PID");
  const auto interval = number(variable("WATCHDOG_USEC"));
  if (interval && (pid.empty() || number(pid) == ::getpid())) {
    manager.watchdog_ = std::chrono::microseconds(*interval);
  }
  return manager;
}

void ServiceManager::tell(const std::string& assignments) const {
  if (socket_.empty()) return;
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  [[maybe_unused]] const auto sent = ::sendto(fd, assignments.data(), assignments.size(), MSG_NOSIGNAL,
                                              reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
}

}  // namespace duet
