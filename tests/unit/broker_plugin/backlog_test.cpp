#include "broker_plugin/backlog.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace duet {
namespace {

// A TCP socket on a port of the kernel's choice.
class TcpSocket {
 public:
  TcpSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~TcpSocket() { ::close(fd_); }
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  void listen(int backlog) const { EXPECT_EQ(::listen(fd_, backlog), 0); }
  // Of a socket that listens, the kernel tells its backlog here.
  unsigned backlog() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_sacked;
  }
  bool listens() const {
    int yes = 0;
    socklen_t size = sizeof yes;
    return ::getsockopt(fd_, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
  }

 private:
  const int fd_;
};

TEST(Backlog, IsWidenedOfWhateverListens) {
  const TcpSocket one;
  const TcpSocket other;
  const TcpSocket idle;
  one.listen(100);
  other.listen(5);
  EXPECT_EQ(one.backlog(), 100U);
  EXPECT_EQ(widen_backlogs(300), 2U);
  EXPECT_EQ(one.backlog(), 300U);
  EXPECT_EQ(other.backlog(), 300U);
  EXPECT_FALSE(idle.listens());
}

}  // namespace
}  // namespace duet
