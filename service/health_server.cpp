#include "service/health_server.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "service/systemd.h"

namespace duet {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Protocol = asio::generic::stream_protocol;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Protocol, Executor>;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxRequestBytes = 4096;
constexpr std::size_t kMaxConnections = 64;
constexpr std::chrono::seconds kRequestPatience{5};  // for the request and for the answer each
constexpr std::chrono::milliseconds kAcceptDelay{100};
constexpr std::chrono::milliseconds kTellInterval{1000};  // to the service manager

Protocol::endpoint endpoint_of(const HealthPort& where) {
  const auto& bytes = where.address.bytes();
  if (where.address.is_v4()) {
    asio::ip::address_v4::bytes_type v4{};
    std::copy(bytes.end() - 4, bytes.end(), v4.begin());
    return asio::ip::tcp::endpoint(asio::ip::address_v4(v4), where.port);
  }
  return asio::ip::tcp::endpoint(asio::ip::address_v6(bytes), where.port);
}

// Left by a process that was killed. Anything but a socket stays, and makes bind fail.
void remove_old_socket(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_socket(path, ignored)) std::filesystem::remove(path, ignored);
}

std::string text_of(const HealthListen& listen) {
  if (const auto* path = std::get_if<std::filesystem::path>(&listen)) return path->string();
  const auto& where = std::get<HealthPort>(listen);
  return where.address.text() + " port " + std::to_string(where.port);
}

// One request and its answer.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, const HealthServer::Report& report, std::size_t& open)
      : stream_(std::move(socket)), report_(report), open_(open) {
    ++open_;
  }
  ~Connection() { --open_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() {
    parser_.header_limit(kMaxRequestBytes);
    stream_.expires_after(kRequestPatience);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](ErrorCode error, std::size_t) { self->answer(error); });
  }

 private:
  void answer(ErrorCode error) {
    if (error) return;  // no request came, or one that a health check does not send
    const auto& request = parser_.get();
    const std::string_view target(request.target().data(), request.target().size());
    const bool head = request.method() == http::verb::head;
    auto found = answer_health(target.substr(0, target.find('?')), report_());
    if (request.method() != http::verb::get && !head) found = HealthAnswer{405, "{}\n"};
    if (!found) found = HealthAnswer{404, "{}\n"};
    response_ = {static_cast<http::status>(found->status), request.version()};
    response_.set(http::field::content_type, "application/json");
    response_.set(http::field::cache_control, "no-store");
    if (found->status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.content_length(found->body.size());
    response_.keep_alive(false);
    if (!head) response_.body() = std::move(found->body);
    stream_.expires_after(kRequestPatience);
    http::async_write(stream_, response_, [self = shared_from_this()](ErrorCode, std::size_t) {
      ErrorCode ignored;
      self->stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    });
  }

  beast::basic_stream<Protocol, Executor> stream_;
  const HealthServer::Report& report_;
  std::size_t& open_;
  beast::flat_static_buffer<kMaxRequestBytes> buffer_;
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
};

// Signals are handled by the threads of the program that this is a part of.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

class HealthServer::Parts {
 public:
  Parts(const HealthListen& listen, Report report)
      : report_(std::move(report)),
        acceptor_(io_),
        accept_delay_(io_),
        tell_(io_),
        manager_(ServiceManager::from_environment()) {
    if (!std::holds_alternative<std::monostate>(listen)) begin_to_listen(listen);
    if (manager_.present()) tell_manager();
    const SignalsBlocked blocked;  // the thread inherits that
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~Parts() {
    io_.stop();
    thread_.join();
    remove_old_socket(path_);
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void begin_to_listen(const HealthListen& listen) {
    try {
      const auto* path = std::get_if<std::filesystem::path>(&listen);
      if (path != nullptr) remove_old_socket(*path);
      const Protocol::endpoint endpoint =
          path != nullptr ? Protocol::endpoint(asio::local::stream_protocol::endpoint(path->string()))
                          : endpoint_of(std::get<HealthPort>(listen));
      acceptor_.open(endpoint.protocol());
      if (path == nullptr) acceptor_.set_option(asio::socket_base::reuse_address(true));
      acceptor_.bind(endpoint);
      if (path != nullptr) {
        path_ = *path;
        constexpr mode_t kOwnerOnly = 0600;
        ::chmod(path->c_str(), kOwnerOnly);
      } else {
        port_ = asio::ip::tcp::endpoint(to_tcp(acceptor_.local_endpoint())).port();
      }
      acceptor_.listen();
    } catch (const boost::system::system_error& error) {
      throw std::runtime_error("health.listen: cannot listen on " + text_of(listen) + ": " +
                               error.code().message());
    }
    accept();
  }

  static asio::ip::tcp::endpoint to_tcp(const Protocol::endpoint& endpoint) {
    asio::ip::tcp::endpoint tcp;
    std::copy_n(reinterpret_cast<const char*>(endpoint.data()), endpoint.size(),
                reinterpret_cast<char*>(tcp.data()));
    tcp.resize(endpoint.size());
    return tcp;
  }

  void accept() {
    acceptor_.async_accept([this](ErrorCode error, Socket socket) {
      if (error) return accept_later();
      if (open_ < kMaxConnections) {
        std::make_shared<Connection>(std::move(socket), report_, open_)->start();
      }
      accept();
    });
  }

  // As when there are no descriptors left.
  void accept_later() {
    accept_delay_.expires_after(kAcceptDelay);
    accept_delay_.async_wait([this](ErrorCode cancelled) {
      if (!cancelled) accept();
    });
  }

  // READY=1 says that the service has started, not that it is ready: without a broker it waits for one, and
  // being started again would not help it.
  void tell_manager() {
    const auto report = report_();
    std::string text = "STATUS=" + summary(report);
    if (report.live) text += "\nREADY=1\nWATCHDOG=1";
    manager_.tell(text);
    auto pause = std::chrono::microseconds(kTellInterval);
    if (manager_.watchdog()) pause = std::min(pause, *manager_.watchdog() / 3);
    tell_.expires_after(pause);
    tell_.async_wait([this](ErrorCode cancelled) {
      if (!cancelled) tell_manager();
    });
  }

  const Report report_;
  std::size_t open_ = 0;  // connections; those that io_ still holds at the end count down too
  asio::io_context io_{1};
  asio::basic_socket_acceptor<Protocol, Executor> acceptor_;
  asio::steady_timer accept_delay_;
  asio::steady_timer tell_;
  const ServiceManager manager_;
  std::filesystem::path path_;  // of the unix socket; empty: none
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

HealthServer::HealthServer(const HealthListen& listen, Report report)
    : parts_(std::make_unique<Parts>(listen, std::move(report))) {}
HealthServer::~HealthServer() = default;

std::uint16_t HealthServer::port() const {
  return parts_->port();
}

}  // namespace duet
