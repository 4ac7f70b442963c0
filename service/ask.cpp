#include "service/ask.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <system_error>

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxAnswerBytes = std::size_t{64} * 1024;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress address_of(const HealthListen& where) {
  SocketAddress address;
  const auto put = [&address](const auto& concrete) {
    std::memcpy(&address.storage, &concrete, sizeof concrete);
    address.size = sizeof concrete;
  };
  if (const auto* path = std::get_if<std::filesystem::path>(&where)) {
    sockaddr_un concrete{};
    concrete.sun_family = AF_UNIX;
    std::strncpy(concrete.sun_path, path->c_str(), sizeof concrete.sun_path - 1);
    put(concrete);
  } else if (const auto* port = std::get_if<HealthPort>(&where)) {
    const auto& bytes = port->address.bytes();
    if (port->address.is_v4()) {
      sockaddr_in concrete{};
      concrete.sin_family = AF_INET;
      concrete.sin_port = htons(port->port);
      std::memcpy(&concrete.sin_addr, bytes.data() + bytes.size() - sizeof concrete.sin_addr,
                  sizeof concrete.sin_addr);
      put(concrete);
    } else {
      sockaddr_in6 concrete{};
      concrete.sin6_family = AF_INET6;
      concrete.sin6_port = htons(port->port);
      std::memcpy(&concrete.sin6_addr, bytes.data(), bytes.size());
      put(concrete);
    }
  }
  return address;
}

std::string error_text(int number) {
  return std::generic_category().message(number);
}

// A connection with a deadline. What fails is a sentence for people.
class Conversation {
 public:
  using Failed = std::optional<std::string>;

  explicit Conversation(std::chrono::milliseconds patience)
      : patience_(patience), deadline_(Clock::now() + patience) {}
  ~Conversation() {
    if (fd_ >= 0) ::close(fd_);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  Failed connect(const SocketAddress& address) {
    fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return error_text(errno);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) return {};
    // EAGAIN: the backlog of a unix socket is full (unix(7)), so nobody accepts.
    if (errno == EAGAIN) return "it accepts no connection";
    if (errno != EINPROGRESS) return error_text(errno);
    if (auto failed = wait_for(POLLOUT)) return failed;
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    return number == 0 ? Failed() : error_text(number);
  }

  // A short text, which the socket's buffer holds.
  Failed send(std::string_view text) const {
    if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) return {};
    return error_text(errno);
  }

  // Reads until `enough`, or until the other side ends.
  Failed receive(std::string& text, const std::function<bool(const std::string&)>& enough) {
    std::array<char, 4096> buffer{};
    while (!enough(text) && text.size() < kMaxAnswerBytes) {
      if (auto failed = wait_for(POLLIN)) return failed;
      const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got < 0) return error_text(errno);
      if (got == 0) return {};
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return {};
  }

 private:
  Failed wait_for(short events) {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      pollfd one{fd_, events, 0};
      const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return error_text(errno);
      if (ready == 0 && Clock::now() >= deadline_) return "no answer for " + seconds_text(patience_);
    }
  }

  const std::chrono::milliseconds patience_;
  const Clock::time_point deadline_;
  int fd_ = -1;
};

// Sends, and returns the answer.
Result<std::string, std::string> exchange(const HealthListen& where, std::chrono::milliseconds patience,
                                          std::string_view question,
                                          const std::function<bool(const std::string&)>& enough) {
  Conversation conversation(patience);
  if (auto failed = conversation.connect(address_of(where))) return Failure<std::string>(*std::move(failed));
  if (auto failed = conversation.send(question)) return Failure<std::string>(*std::move(failed));
  std::string answer;
  if (auto failed = conversation.receive(answer, enough)) return Failure<std::string>(*std::move(failed));
  return answer;
}

}  // namespace

Result<HealthReport, std::string> ask_health(const HealthListen& where, std::chrono::milliseconds patience) {
  const auto answer =
      exchange(where, patience, "GET /healthz/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
               [](const std::string&) { return false; });
  if (!answer) return Failure<std::string>(answer.error());
  const auto body = answer->find("\r\n\r\n");
  const auto report =
      body == std::string::npos ? std::nullopt : parse_health(std::string_view(*answer).substr(body + 4));
  if (!report) return Failure<std::string>("what it answers is no report");
  return *report;
}

std::optional<std::string> ping_broker(const HealthListen& where, std::chrono::milliseconds patience) {
  constexpr std::string_view kConnect{"\x10\x10\x00\x04MQTT\x7f\x02\x00\x3c\x00\x04ping", 18};
  constexpr std::string_view kUnknownVersion{"\x20\x02\x00\x01", 4};
  const auto answer = exchange(where, patience, kConnect, [&](const std::string& text) {
    return text.size() >= kUnknownVersion.size();
  });
  if (!answer) return answer.error();
  if (!answer->starts_with(kUnknownVersion)) return "what it answers is not MQTT";
  return std::nullopt;
}

}  // namespace duet
