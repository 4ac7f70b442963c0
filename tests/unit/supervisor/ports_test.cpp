#include "supervisor/ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace duet {
namespace {

using testing::HasSubstr;

// Listens on a port that the system chose.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_, raw, size) != 0 || ::listen(fd_, 1) != 0 || ::getsockname(fd_, raw, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

std::uint16_t free_port() {
  return Listener().port();
}

std::string refusal(const Ports& ports, bool tls = false) {
  try {
    require_free(ports, tls);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

TEST(Ports, NamesThePortItsOptionAndItsHolder) {
  const Listener listener;
  const std::string message = refusal({free_port(), listener.port(), free_port()});
  EXPECT_THAT(message, HasSubstr("port " + std::to_string(listener.port())));
  EXPECT_THAT(message, HasSubstr("--ws-port"));
  EXPECT_THAT(message, HasSubstr("(process " + std::to_string(::getpid()) + ")"));
}

TEST(Ports, AcceptsFreePorts) {
  EXPECT_EQ(refusal({free_port(), free_port(), free_port()}), "");
}

TEST(Ports, RefusesThePortThatIsNamedTwice) {
  const std::uint16_t port = free_port();
  EXPECT_THAT(refusal({port, port, free_port()}),
              HasSubstr("--mqtt-port and --ws-port must be different ports"));
}

TEST(Ports, ThoseOfTlsCountWithTlsAlone) {
  const Listener listener;
  Ports ports{free_port(), free_port(), free_port()};
  ports.mqtts = listener.port();
  ports.https = free_port();
  EXPECT_EQ(refusal(ports), "");
  EXPECT_THAT(refusal(ports, true), HasSubstr("--mqtts-port"));
  ports.mqtts = ports.mqtt;
  EXPECT_THAT(refusal(ports, true), HasSubstr("--mqtt-port and --mqtts-port must be different ports"));
}

TEST(Ports, TellsWhetherSomebodyListens) {
  const Listener listener;
  EXPECT_TRUE(accepts_connections(listener.port()));
  EXPECT_FALSE(accepts_connections(free_port()));
}

}  // namespace
}  // namespace duet
