#include "bench/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "bench/websocket_codec.h"

namespace duet {
namespace {

constexpr std::string_view kGatewayPath = "/mqtt";

std::string message_of(int error) {
  return std::system_category().message(error);
}

}  // namespace

Endpoint endpoint_at(const std::string& host, std::uint16_t port, Transport transport) {
  Endpoint endpoint{{}, transport};
  endpoint.address.sin_family = AF_INET;
  endpoint.address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &endpoint.address.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + host);
  }
  return endpoint;
}

Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      state_(std::exchange(other.state_, State::closed)),
      transport_(other.transport_),
      in_(std::move(other.in_)),
      mqtt_(std::move(other.mqtt_)),
      out_(std::move(other.out_)),
      wire_(std::move(other.wire_)),
      error_(std::move(other.error_)) {}

bool Connection::open(const Endpoint& to) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail("no socket: " + message_of(errno));
  state_ = State::connecting;
  transport_ = to.transport;
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to.address), sizeof(to.address)) != 0 &&
      errno != EINPROGRESS) {
    return fail("cannot connect: " + message_of(errno));
  }
  return true;
}

void Connection::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  state_ = State::closed;
  for (std::string* buffer : {&in_, &mqtt_, &out_, &wire_}) *buffer = {};
}

bool Connection::on_writable() {
  return (state_ != State::connecting || connected()) && flush();
}

bool Connection::flush() {
  if (state_ == State::open && !out_.empty()) {
    if (transport_ == Transport::tcp) {
      wire_.append(out_);
    } else {
      encode_binary_frame(out_, wire_);
    }
    out_.clear();
  }
  return send_wire();
}

bool Connection::connected() {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail("cannot connect: " + message_of(error));
  state_ = State::open;
  if (transport_ == Transport::websocket) {
    state_ = State::upgrading;
    wire_ = upgrade_request("127.0.0.1", kGatewayPath);
  }
  return true;
}

bool Connection::send_wire() {
  if (wire_.empty() || state_ == State::connecting) return true;
  const ssize_t written = ::send(fd_, wire_.data(), wire_.size(), MSG_NOSIGNAL);
  if (written < 0 && errno != EAGAIN && errno != EINTR) return fail("connection lost: " + message_of(errno));
  if (written > 0) wire_.erase(0, static_cast<std::size_t>(written));
  return true;
}

bool Connection::read(std::span<char> scratch, const Take& take) {
  const ssize_t got = ::recv(fd_, scratch.data(), scratch.size(), 0);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    return fail((state_ == State::connecting ? "cannot connect: " : "connection lost: ") + message_of(errno));
  }
  if (got == 0) return fail("the other side closed the connection");
  try {
    take_bytes({scratch.data(), static_cast<std::size_t>(got)}, take);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
  return true;
}

void Connection::take_bytes(std::string_view bytes, const Take& take) {
  const bool continued = !in_.empty();
  if (continued) {
    in_.append(bytes);
    bytes = in_;
  }
  const std::size_t used = transport_ == Transport::tcp ? take(bytes) : take_frames(bytes, take);
  if (continued) {
    in_.erase(0, used);
  } else {
    in_.assign(bytes.substr(used));
  }
  if (in_.empty()) in_ = {};  // an idle connection has no buffer
}

std::size_t Connection::take_frames(std::string_view bytes, const Take& take) {
  std::size_t used = 0;
  if (state_ == State::upgrading) {
    const auto head = upgrade_answer(bytes);
    if (!head) return 0;
    used = *head;
    state_ = State::open;
  }
  while (const auto frame = next_server_frame(bytes.substr(used))) {
    if (frame->opcode == kCloseOpcode) throw std::runtime_error("the gateway closed the WebSocket");
    if (frame->opcode < kFirstControlOpcode) mqtt_.append(frame->payload);
    used += frame->bytes;
  }
  mqtt_.erase(0, take(mqtt_));
  if (mqtt_.empty()) mqtt_ = {};
  return used;
}

bool Connection::fail(std::string why) {
  close();
  error_ = std::move(why);
  return false;
}

}  // namespace duet
