// push_bridge/poster_host.h: one host that is posted to: its window and its connections. For http2_poster.cpp
// alone.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>

#include "push_bridge/host_window.h"
#include "push_bridge/http2_transfer.h"

namespace duet {

// The window is guarded by the poster's mutex; the connections are the poster's thread's alone.
class PosterHost final : public HostSockets {
 public:
  // A connection on which nothing is acknowledged for `patience` is given up. `opened` counts connections.
  PosterHost(std::size_t most, std::chrono::milliseconds patience, std::atomic<std::uint64_t>& opened)
      : window(most), patience_(patience), opened_(opened) {}

  curl_socket_t open(const curl_sockaddr& address) override {
    const int fd = socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    // The kernel gives a connection up on which nothing is acknowledged; else everything sent on it would
    // have to time out for a quarter of an hour.
    const auto patience_ms = static_cast<unsigned>(patience_.count());
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
    sockets_.insert(fd);
    ++opened_;
    return fd;
  }
  void close(curl_socket_t fd) override {
    sockets_.erase(fd);
    ::close(fd);
  }

  // libcurl finds them dead when it looks for a connection.
  void shut_down() {
    for (const int fd : sockets_) shutdown(fd, SHUT_RDWR);
  }
  bool connected() const { return !sockets_.empty(); }

  HostWindow window;

 private:
  const std::chrono::milliseconds patience_;
  std::atomic<std::uint64_t>& opened_;
  std::set<int> sockets_;
};

}  // namespace duet
