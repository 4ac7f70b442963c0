#include "tests/support/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace duet {
namespace {

sockaddr_in ipv4_address(const std::string& text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) throw std::invalid_argument(text);
  return address;
}

}  // namespace

int connect_on_loopback(std::uint16_t port, const std::string& from) {
  const sockaddr_in source = ipv4_address(from, 0);
  const sockaddr_in target = ipv4_address("127.0.0.1", port);
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // The port of the source only when it is known where to: so there are as many as there are targets.
  const int late = 1;
  setsockopt(connection, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
  if (bind(connection, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0 ||
      connect(connection, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
    const int error = errno;
    close(connection);
    errno = error;
    return -1;
  }
  return connection;
}

}  // namespace duet
