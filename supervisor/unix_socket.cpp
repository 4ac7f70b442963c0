#include "supervisor/unix_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

namespace duet {
namespace {

constexpr timeval kAnswerPatience{.tv_sec = 2, .tv_usec = 0};

class UnixConnection {
 public:
  explicit UnixConnection(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() > kMaxSocketPathBytes) return;
    path.copy(address.sun_path, path.size());
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kAnswerPatience, sizeof kAnswerPatience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kAnswerPatience, sizeof kAnswerPatience);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~UnixConnection() { ::close(fd_); }
  UnixConnection(const UnixConnection&) = delete;
  UnixConnection& operator=(const UnixConnection&) = delete;

  bool send(std::string_view text) const {
    while (connected_ && !text.empty()) {
      const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return connected_;
  }
  std::optional<std::string> receive_all() const {
    std::string answer;
    std::array<char, 4096> chunk{};
    while (true) {
      const auto got = ::recv(fd_, chunk.data(), chunk.size(), 0);
      if (got < 0) return std::nullopt;
      if (got == 0) return answer;
      answer.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  bool connected_ = false;
};

}  // namespace

std::optional<std::string> ask_unix_socket(const std::filesystem::path& path, std::string_view text) {
  const UnixConnection connection(path.string());
  if (!connection.send(text)) return std::nullopt;
  return connection.receive_all();
}

}  // namespace duet
