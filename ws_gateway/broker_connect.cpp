#include "ws_gateway/broker_connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace duet {
namespace {

// Between attempts while the backlog is full: the broker empties it once each turn of its loop.
constexpr std::chrono::milliseconds kBacklogDelay{20};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

template <typename Concrete>
SocketAddress to_address(const Concrete& concrete) {
  SocketAddress address;
  std::memcpy(&address.storage, &concrete, sizeof concrete);
  address.size = sizeof concrete;
  return address;
}

SocketAddress address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(),
               sizeof address.sun_path - 1);  // it fits: see load_gateway_config
  return to_address(address);
}

SocketAddress address_of(const TcpEndpoint& endpoint) {
  const auto& bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, bytes.data() + bytes.size() - sizeof address.sin_addr,
                sizeof address.sin_addr);
    return to_address(address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
  return to_address(address);
}

ErrorCode system_error(int number) {
  return {number, boost::system::system_category()};
}

// Not asio's own connect: for a unix socket whose backlog is full it takes EAGAIN for a connection under way.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(asio::io_context& io, const BrokerEndpoint& broker, std::chrono::milliseconds patience,
          BrokerConnected done)
      : address_(std::visit([](const auto& endpoint) { return address_of(endpoint); }, broker)),
        give_up_at_(moment_now() + patience),
        socket_(io.get_executor()),
        timer_(io.get_executor()),
        done_(std::move(done)) {}

  void start() {
    ErrorCode error;
    const int protocol = address_.family() == AF_UNIX ? 0 : IPPROTO_TCP;
    socket_.open(asio::generic::stream_protocol(address_.family(), protocol), error);
    if (!error) socket_.native_non_blocking(true, error);
    if (!error) socket_.non_blocking(true, error);
    if (error) return finish_later(error);
    if (protocol == IPPROTO_TCP) {
      const int on = 1;  // packets go out at once; without it they would only be later
      ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const int result = ::connect(socket_.native_handle(), address_.get(), address_.size);
    const int number = result == 0 ? 0 : errno;
    if (number == EINPROGRESS) return await_connected();
    if (number == EAGAIN && moment_now() < give_up_at_) return try_again();
    finish_later(system_error(number));
  }

 private:
  void try_again() {
    ErrorCode ignored;
    socket_.close(ignored);
    timer_.expires_after(kBacklogDelay);
    timer_.async_wait([self = shared_from_this()](ErrorCode) { self->start(); });
  }

  void await_connected() {
    timer_.expires_at(give_up_at_);
    timer_.async_wait([self = shared_from_this()](ErrorCode error) {
      ErrorCode ignored;
      if (!error) self->socket_.cancel(ignored);
    });
    socket_.async_wait(BrokerSocket::wait_write, [self = shared_from_this()](ErrorCode error) {
      self->timer_.cancel();
      int number = 0;
      socklen_t size = sizeof number;
      if (!error && ::getsockopt(self->socket_.native_handle(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) {
        number = errno;
      }
      self->finish(error ? error : system_error(number));
    });
  }

  void finish_later(ErrorCode error) {
    asio::post(socket_.get_executor(), [self = shared_from_this(), error] { self->finish(error); });
  }

  void finish(ErrorCode error) { std::exchange(done_, nullptr)(error, std::move(socket_)); }

  const SocketAddress address_;
  const Moment give_up_at_;
  BrokerSocket socket_;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                             Executor>
      timer_;
  BrokerConnected done_;
};

}  // namespace

void connect_to_broker(asio::io_context& io, const BrokerEndpoint& broker, std::chrono::milliseconds patience,
                       BrokerConnected done) {
  std::make_shared<Attempt>(io, broker, patience, std::move(done))->start();
}

}  // namespace duet
