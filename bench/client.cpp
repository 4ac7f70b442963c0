#include "bench/client.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace duet {
namespace {

// A broker that reads no more than this behind is not keeping up, and the generator must stay bounded.
constexpr std::size_t kMaxOutputBytes = std::size_t{4} * 1024 * 1024;

std::string system_message(int error) {
  return std::system_category().message(error);
}

}  // namespace

Client::Client(std::size_t index, ClientSpec spec, MqttVersion version)
    : index_(index), spec_(std::move(spec)), version_(version) {}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

Client::Client(Client&& other) noexcept
    : index_(other.index_),
      spec_(std::move(other.spec_)),
      version_(other.version_),
      fd_(std::exchange(other.fd_, -1)),
      state_(other.state_),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      packet_id_(other.packet_id_),
      unacknowledged_(other.unacknowledged_),
      refused_(other.refused_) {}

void Client::connect(const sockaddr_in& broker) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("no socket: " + system_message(errno));
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&broker), sizeof(broker)) != 0 &&
      errno != EINPROGRESS) {
    fail("cannot connect: " + system_message(errno));
  }
  encode_connect(spec_.connect, version_, out_);
  state_ = State::connecting;
}

void Client::publish(const PublishTemplate& message, std::uint64_t number) {
  message.append(next_packet_id(), number, out_);
  ++unacknowledged_;
}

void Client::publish(std::string_view topic, std::string_view payload) {
  encode_publish(next_packet_id(), topic, payload, version_, out_);
  ++unacknowledged_;
}

std::uint16_t Client::next_packet_id() {
  if (++packet_id_ == 0) packet_id_ = 1;  // 0 is none (MQTT 5 2.2.1)
  return packet_id_;
}

void Client::on_readable(std::span<char> buffer, MessageSink& sink) {
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    fail("connection lost: " + system_message(errno));
  }
  if (got == 0) fail("the broker closed the connection");

  std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  const bool continued = !in_.empty();
  if (continued) {
    in_.append(bytes);
    bytes = in_;
  }
  std::size_t used = 0;
  while (const auto packet = next_packet(bytes.substr(used))) {
    handle(*packet, sink);
    used += packet->bytes;
  }
  if (continued) {
    in_.erase(0, used);
  } else {
    in_.assign(bytes.substr(used));
  }
}

void Client::on_writable() {
  if (state_ != State::connecting) return;
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) fail("cannot connect: " + system_message(error));
  state_ = State::wait_connack;
}

Client::Flushed Client::flush() {
  if (state_ == State::connecting) return Flushed::wait_until_writable;
  const ssize_t written = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (written < 0 && errno != EAGAIN && errno != EINTR) fail("connection lost: " + system_message(errno));
  if (written > 0) out_.erase(0, static_cast<std::size_t>(written));
  if (out_.size() > kMaxOutputBytes) fail("the broker does not read what is sent");
  return out_.empty() ? Flushed::all : Flushed::wait_until_writable;
}

void Client::handle(const Packet& packet, MessageSink& sink) {
  switch (packet.type) {
    case PacketType::publish:
      return handle_publish(packet, sink);
    case PacketType::puback:
      if (unacknowledged_ > 0) --unacknowledged_;
      if (puback_code(packet) >= 0x80) ++refused_;
      return;
    case PacketType::connack:
      return handle_connack(packet);
    case PacketType::suback:
      if (suback_code(packet, version_) >= 0x80) fail("a subscription was refused");
      state_ = State::ready;
      return;
    case PacketType::disconnect:
      fail("disconnected by the broker, reason code " + std::to_string(disconnect_code(packet)));
    default:
      fail("the broker sent a packet of type " + std::to_string(static_cast<unsigned>(packet.type)));
  }
}

void Client::handle_connack(const Packet& packet) {
  const std::uint8_t code = connack_code(packet);
  if (code != 0) fail("CONNECT was refused with code " + std::to_string(code));
  if (spec_.filters.empty()) {
    state_ = State::ready;
    return;
  }
  encode_subscribe(next_packet_id(), spec_.filters, version_, out_);
  state_ = State::wait_suback;
}

void Client::handle_publish(const Packet& packet, MessageSink& sink) {
  const IncomingPublish publish = decode_publish(packet, version_);
  if (publish.qos > 0) encode_puback(publish.packet_id, out_);
  sink.on_message(index_, kind_of(publish.topic), publish.payload);
}

Received Client::kind_of(std::string_view topic) const {
  for (const ClientSpec::Known& known : spec_.topics) {
    if (known.topic == topic) return known.kind;
  }
  return Received::other;
}

void Client::fail(const std::string& what) const {
  throw std::runtime_error(spec_.connect.client_id + ": " + what);
}

}  // namespace duet
