#include "privacy_kit/connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <utility>

namespace duet::privacy {
namespace {

int connect_socket(const Endpoint& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found) != 0) {
    throw std::runtime_error("there is no host " + server.host);
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    if (::connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
    ::close(fd);
  }
  throw std::runtime_error("nobody listens at " + server.host + ":" + std::to_string(server.port));
}

}  // namespace

Endpoint parse_mqtt_url(const std::string& url) {
  constexpr std::string_view kScheme = "mqtt://";
  constexpr std::uint16_t kDefaultPort = 1883;
  const auto refuse = [&] {
    return std::runtime_error("'" + url + "' is no server of ours: mqtt://host:port is");
  };
  if (!url.starts_with(kScheme)) throw refuse();
  std::string rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.pop_back();
  const auto colon = rest.rfind(':');
  Endpoint server;
  server.host = rest.substr(0, colon);
  server.port = kDefaultPort;
  if (colon != std::string::npos) {
    const std::string port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), server.port);
    if (error != std::errc() || end != port.data() + port.size() || server.port == 0) throw refuse();
  }
  if (server.host.empty()) throw refuse();
  return server;
}

std::string reason_text(int code) {
  if (code == kClosed) return "connection closed";
  if (code == kSuccess || code == kNoMatchingSubscribers) return "accepted";
  if (code == kNotAuthorized) return "refused (0x87)";
  if (code < 0x80) return "code " + std::to_string(code);
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned>(code);
  return std::string("refused (0x") + kHex[byte >> 4 & 0xf] + kHex[byte & 0xf] + ")";
}

Connection::Connection(const Endpoint& server, const ConnectPacket& packet)
    : version_(server.version), patience_(server.patience), socket_(connect_socket(server)) {
  std::string bytes;
  encode_connect(packet, version_, bytes);
  send(bytes);
}

Connection::~Connection() {
  if (!open()) return;
  std::string bytes;
  encode_disconnect(bytes);
  send(bytes);
  close_socket();
}

int Connection::connack() {
  wait([this] { return connack_.has_value(); });
  return connack_.value_or(kClosed);
}

int Connection::subscribe(const std::string& filter) {
  const auto id = next_packet_id();
  std::string bytes;
  encode_subscribe(id, {filter}, version_, bytes);
  send(bytes);
  return acknowledgement(id);
}

int Connection::publish(const std::string& topic, const std::string& payload, const PublishFlags& flags) {
  const auto id = next_packet_id();
  std::string bytes;
  encode_publish(id, topic, payload, flags, version_, bytes);
  send(bytes);
  return flags.qos == 0 ? kSuccess : acknowledgement(id);
}

void Connection::drop() {
  close_socket();
}

int Connection::acknowledgement(std::uint16_t packet_id) {
  wait([&] { return acknowledged_.contains(packet_id); });
  const auto found = acknowledged_.extract(packet_id);
  return found.empty() ? kClosed : found.mapped();
}

bool Connection::wait(const std::function<bool()>& done, Clock::duration patience) {
  const auto deadline = Clock::now() + patience;
  while (!done()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || !read_once(left)) return done();
  }
  return true;
}

bool Connection::wait_closed(Clock::duration patience) {
  wait([this] { return !open(); }, patience);
  return !open();
}

std::vector<Arrival> Connection::take_arrivals() {
  return std::exchange(arrivals_, {});
}

void Connection::send(const std::string& bytes) {
  std::string_view rest = bytes;
  while (open() && !rest.empty()) {
    const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // closed by the other side, which the next read tells
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Connection::pump() {
  while (read_once(std::chrono::milliseconds(0))) {
  }
}

// False: nothing came in time, or the connection has ended.
bool Connection::read_once(std::chrono::milliseconds patience) {
  if (!open()) return false;
  pollfd readable{socket_, POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(patience.count())) <= 0) return false;
  std::array<char, 16384> chunk;
  const ssize_t got = ::recv(socket_, chunk.data(), chunk.size(), 0);
  if (got <= 0) {
    close_socket();
    return false;
  }
  in_.append(chunk.data(), static_cast<std::size_t>(got));
  std::size_t used = 0;
  while (const auto packet = next_packet(std::string_view(in_).substr(used))) {
    handle(*packet);
    used += packet->bytes;
  }
  in_.erase(0, used);
  return true;
}

void Connection::handle(const Packet& packet) {
  if (packet.type == PacketType::connack) {
    connack_ = connack_code(packet);
  } else if (packet.type == PacketType::puback) {
    acknowledged_[acknowledged_id(packet)] = puback_code(packet);
  } else if (packet.type == PacketType::suback) {
    acknowledged_[acknowledged_id(packet)] = suback_code(packet, version_);
  } else if (packet.type == PacketType::publish) {
    const auto publish = decode_publish(packet, version_);
    arrivals_.push_back({std::string(publish.topic), std::string(publish.payload), publish.retained});
    if (publish.qos == 0) return;
    std::string bytes;
    encode_puback(publish.packet_id, bytes);
    send(bytes);
  }
}

std::uint16_t Connection::next_packet_id() {
  if (++packet_id_ == 0) ++packet_id_;
  return packet_id_;
}

void Connection::close_socket() {
  if (!open()) return;
  ::close(socket_);
  socket_ = -1;
}

}  // namespace duet::privacy
