#include "auth_service/http_server.h"

#include <httplib.h>
#include <netdb.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "auth_service/request_socket.h"
#include "auth_service/router.h"
#include "auth_service/worker_pool.h"
#include "service/address.h"

namespace duet {
namespace {

using Handled = httplib::Server::HandlerResponse;

class Workers final : public httplib::TaskQueue {
 public:
  explicit Workers(std::size_t threads) : pool_(threads) {}
  void enqueue(std::function<void()> task) override { pool_.add(std::move(task)); }
  void shutdown() override { pool_.finish(); }

 private:
  WorkerPool pool_;
};

constexpr int kBacklog = 128;

// What a header may have; the library bounds its lines, not their number.
constexpr std::size_t kMaxHeaderBytes = std::size_t{32} * 1024;

class LibraryStream final : public httplib::Stream {
 public:
  explicit LibraryStream(RequestSocket& socket) : socket_(socket) {}
  bool is_readable() const override { return socket_.readable(); }
  bool is_writable() const override { return socket_.writable(); }
  ssize_t read(char* to, std::size_t size) override { return socket_.read(to, size); }
  ssize_t write(const char* from, std::size_t size) override { return socket_.write(from, size); }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { name(::getpeername, ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { name(::getsockname, ip, port); }
  socket_t socket() const override { return socket_.fd(); }

 private:
  template <typename Of>
  void name(Of of, std::string& ip, int& port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (of(socket_.fd(), generic, &size) != 0) return;
    if (::getnameinfo(generic, size, host.data(), host.size(), service.data(), service.size(),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
      return;
    }
    ip = host.data();
    port = std::atoi(service.data());
  }

  RequestSocket& socket_;
};

// The sockets of requests that are read or answered. Thread-safe.
class OpenSockets {
 public:
  void add(socket_t socket) {
    const std::scoped_lock lock(mutex_);
    open_.insert(socket);
    if (ended_) ::shutdown(socket, SHUT_RD);
  }
  void remove(socket_t socket) {
    const std::scoped_lock lock(mutex_);
    open_.erase(socket);
  }
  // Of these and all that are added, no more is read than what has arrived.
  void end_reading() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    for (const auto socket : open_) ::shutdown(socket, SHUT_RD);
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  std::set<socket_t> open_;
  bool ended_ = false;
};

// The library would answer with that part of the body, whatever the status says. Whole is right too (RFC 9110
// 14.2).
void ignore_ranges(httplib::Request& request) {
  request.ranges.clear();
}

class LibraryServer final : public httplib::Server {
 public:
  explicit LibraryServer(const RequestLimits& limits) : limits_(limits) {}

  // The library lets five connections wait for accept; listening again changes that.
  void widen_backlog() { ::listen(svr_sock_, kBacklog); }
  // Who sends his request slowly is not waited for; what is there is answered.
  void end_reading() { open_.end_reading(); }

 private:
  // As the library does it, for one request, on a socket with limits.
  bool process_and_close_socket(socket_t socket) override {
    open_.add(socket);
    RequestSocket request(socket, limits_);
    LibraryStream stream(request);
    bool closed = false;
    const bool answered = process_request(stream, true, closed, ignore_ranges);
    open_.remove(socket);
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return answered;
  }

  const RequestLimits limits_;
  OpenSockets open_;
};

// Without the library's SO_REUSEPORT: a second process on the same port is an error.
void set_options(int socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

std::vector<std::string> values_of(const httplib::Request& request, const std::string& name) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < request.get_header_value_count(name); ++i) {
    values.push_back(request.get_header_value(name, i));
  }
  return values;
}

// All lines of a header that is a list, as one (RFC 9110 5.3).
std::string joined(const httplib::Request& request, const std::string& name) {
  std::string list;
  for (const auto& value : values_of(request, name)) {
    if (!list.empty()) list += ',';
    list += value;
  }
  return list;
}

// The library writes a link-local peer with its zone (RFC 4007 11), and none whose connection is gone.
IpAddress peer_of(const httplib::Request& request) {
  const std::string_view text = request.remote_addr;
  return IpAddress::parse(text.substr(0, text.find('%'))).value_or(IpAddress());
}

// A trusted proxy that passes on what is no address is taken for the client itself.
IpAddress client_of(const httplib::Request& request, const std::vector<Network>& trusted) {
  const auto peer = peer_of(request);
  return client_address(peer, joined(request, "X-Forwarded-For"), trusted).value_or(peer);
}

HttpRequest from_library(const httplib::Request& request, const std::vector<Network>& trusted) {
  return {.method = request.method,
          .path = request.path,
          .address = client_of(request, trusted),
          .authorization = values_of(request, "Authorization"),
          .content_type = request.get_header_value("Content-Type"),
          .body = request.body};
}

void to_library(const HttpResponse& answer, httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  response.set_header("X-Content-Type-Options", "nosniff");
  if (!answer.content_type.empty()) response.set_content(answer.body, answer.content_type);
}

constexpr std::chrono::seconds kUnavailableFor{1};

HttpResponse unavailable(const std::string& path) {
  return retry_after(error_at(path, 503, "unavailable", "Try again later"), kUnavailableFor);
}

// What the library refuses itself has a status only.
HttpResponse refusal_of(const std::string& path, int status) {
  if (status == 413) return error_at(path, 413, "too_large", "The body is too large");
  return error_at(path, status, status == 404 ? "not_found" : "bad_request", "The request cannot be read");
}

bool has_body(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE" || method == "PRI";
}

// What can be told from the headers alone; the body is then left unread.
std::optional<HttpResponse> refuse_unread(const httplib::Request& request) {
  if (!has_body(request.method)) return std::nullopt;
  if (request.has_header("Content-Encoding") || request.is_multipart_form_data()) {
    return error_at(request.path, 415, "unsupported_media_type", "Bodies of that kind are not read");
  }
  const auto lengths = values_of(request, "Content-Length");
  if (lengths.size() != 1 || request.has_header("Transfer-Encoding")) {
    return error_at(request.path, 411, "length_required", "The body needs one Content-Length");
  }
  std::size_t bytes = 0;
  const char* end = lengths[0].data() + lengths[0].size();
  const auto parsed = std::from_chars(lengths[0].data(), end, bytes);
  if (parsed.ec == std::errc() && parsed.ptr == end && bytes <= kMaxBodyBytes) return std::nullopt;
  return error_at(request.path, 413, "too_large", "The body is too large");
}

}  // namespace

class HttpServer::Library {
 public:
  Library(const HttpSettings& settings, Handler handler, std::function<void()> on_broken)
      : handler_(std::move(handler)),
        on_broken_(std::move(on_broken)),
        trusted_(settings.trusted_proxies),
        server_({settings.read_timeout, settings.write_timeout, settings.request_timeout,
                 kMaxHeaderBytes + kMaxBodyBytes}) {
    configure(settings);
    add_routes();
    if (settings.port == 0) {
      port_ = server_.bind_to_any_port(settings.address);
    } else if (server_.bind_to_port(settings.address, settings.port)) {
      port_ = settings.port;
    }
    if (port_ <= 0) {
      throw std::runtime_error("cannot listen on " + settings.address + " port " +
                               std::to_string(settings.port));
    }
    server_.widen_backlog();
    thread_ = std::jthread([this] { listen(); });
  }
  // The library's stop() does nothing before the thread has begun to listen.
  ~Library() {
    stopping_ = true;
    server_.end_reading();
    while (!server_.is_running() && !ended_) std::this_thread::yield();
    server_.stop();
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  int port() const { return port_; }

 private:
  void listen() {
    server_.listen_after_bind();
    if (!stopping_) on_broken_();
    ended_ = true;
  }

  void configure(const HttpSettings& settings) {
    server_.new_task_queue = [threads = settings.threads] { return new Workers(threads); };  // the library's
    server_.set_payload_max_length(kMaxBodyBytes);
    server_.set_tcp_nodelay(true);
    server_.set_socket_options(set_options);
    server_.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
      const auto refusal = refuse_unread(request);
      if (refusal) to_library(*refusal, response);
      return refusal ? Handled::Handled : Handled::Unhandled;
    });
    server_.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
      if (response.body.empty()) to_library(refusal_of(request.path, response.status), response);
    });
  }

  void add_routes() {
    const auto serve = [this](const httplib::Request& request, httplib::Response& response) {
      to_library(handle(request), response);
    };
    server_.Get(".*", serve);
    server_.Post(".*", serve);
    server_.Put(".*", serve);
    server_.Patch(".*", serve);
    server_.Delete(".*", serve);
    server_.Options(".*", serve);
  }

  // The boundary to the library: nothing is thrown through it.
  HttpResponse handle(const httplib::Request& request) const {
    try {
      return handler_(from_library(request, trusted_));
    } catch (const std::exception& error) {
      spdlog::error("cannot answer {}: {}", request.path, error.what());
      return unavailable(request.path);
    }
  }

  const Handler handler_;
  const std::function<void()> on_broken_;
  const std::vector<Network> trusted_;
  LibraryServer server_;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::jthread thread_;
};

HttpServer::HttpServer(const HttpSettings& settings, Handler handler, std::function<void()> on_broken)
    : library_(std::make_unique<Library>(settings, std::move(handler), std::move(on_broken))) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return static_cast<std::uint16_t>(library_->port());
}

}  // namespace duet
