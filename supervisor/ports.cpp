#include "supervisor/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace duet {
namespace {

namespace fs = std::filesystem;

class Socket {
 public:
  Socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot make a socket");
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// 0 or the errno of what went wrong.
int try_to_listen(std::uint16_t port) {
  const Socket socket;
  const int on = 1;  // as the broker does: connections that linger from the last run do not count
  if (::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return errno;
  const sockaddr_in address = loopback(port);
  if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return errno;
  return ::listen(socket.fd(), 1) == 0 ? 0 : errno;
}

// Inodes of the sockets that listen on the port, from /proc/net/tcp and tcp6 (proc(5)).
std::set<std::string> listening_inodes(std::uint16_t port) {
  constexpr std::string_view kListen = "0A";
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    for (std::string line; std::getline(in, line);) {
      std::istringstream fields(line);
      std::array<std::string, 10> field;
      for (auto& text : field) fields >> text;
      const auto colon = field[1].rfind(':');
      if (colon == std::string::npos || field[3] != kListen) continue;
      if (std::stoul(field[1].substr(colon + 1), nullptr, 16) == port) inodes.insert(field[9]);
    }
  }
  return inodes;
}

// What is in a directory of /proc. Processes come and go, and other users' are closed to us: what cannot be
// read is not there.
std::vector<fs::path> list(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    entries.push_back(entry->path());
  }
  return entries;
}

bool has_socket(const fs::path& process, const std::set<std::string>& inodes) {
  constexpr std::string_view kPrefix = "socket:[";
  for (const auto& fd : list(process / "fd")) {
    std::error_code error;
    const std::string target = fs::read_symlink(fd, error).string();
    if (error || target.rfind(kPrefix, 0) != 0) continue;
    if (inodes.count(target.substr(kPrefix.size(), target.size() - kPrefix.size() - 1)) != 0) return true;
  }
  return false;
}

void require_free(std::uint16_t port, const std::string& option) {
  const int error = try_to_listen(port);
  if (error == 0) return;
  std::string what = "port " + std::to_string(port) + " (" + option + ") ";
  if (error != EADDRINUSE) {
    throw std::runtime_error(what + "cannot be used: " + std::generic_category().message(error));
  }
  const auto holder = listener_of(port);
  throw std::runtime_error(what + "is in use" + (holder ? " by " + *holder : "") +
                           "; stop that, or choose another port with " + option);
}

}  // namespace

std::optional<std::string> listener_of(std::uint16_t port) {
  const auto inodes = listening_inodes(port);
  if (inodes.empty()) return std::nullopt;
  for (const auto& process : list("/proc")) {
    const std::string pid = process.filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !has_socket(process, inodes)) continue;
    std::string holder;
    std::ifstream comm(process / "comm");
    std::getline(comm, holder);
    holder.append(" (process ").append(pid).append(")");
    return holder;
  }
  return std::nullopt;
}

void require_free(const Ports& ports, bool tls) {
  std::vector<std::pair<std::uint16_t, std::string>> all{
      {ports.mqtt, "--mqtt-port"}, {ports.websocket, "--ws-port"}, {ports.http, "--http-port"}};
  if (tls) {
    all.emplace_back(ports.mqtts, "--mqtts-port");
    all.emplace_back(ports.https, "--https-port");
  }
  std::map<std::uint16_t, std::string> taken;
  for (const auto& [port, option] : all) {
    const auto [other, is_new] = taken.emplace(port, option);
    if (!is_new) throw std::runtime_error(other->second + " and " + option + " must be different ports");
  }
  for (const auto& [port, option] : all) require_free(port, option);
}

bool accepts_connections(std::uint16_t port) {
  const Socket socket;
  const sockaddr_in address = loopback(port);
  return ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace duet
