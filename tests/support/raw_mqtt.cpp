#include "tests/support/raw_mqtt.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "tests/support/loopback.h"
#include "tests/support/patience.h"

namespace duet {

std::string mqtt_string(std::string_view text) {
  std::string out;
  out.push_back(static_cast<char>(text.size() >> 8));
  out.push_back(static_cast<char>(text.size() & 0xff));
  out.append(text);
  return out;
}

std::string mqtt_packet(std::uint8_t type_and_flags, std::string_view body) {
  std::string out(1, static_cast<char>(type_and_flags));
  for (std::size_t left = body.size();;) {
    const auto digit = static_cast<unsigned char>(left % 128);
    left /= 128;
    out.push_back(static_cast<char>(left > 0 ? digit | 0x80 : digit));
    if (left == 0) break;
  }
  out.append(body);
  return out;
}

std::string connect_packet(std::string_view client_id, std::string_view user, std::string_view password) {
  constexpr char kUserPasswordClean = static_cast<char>(0xc2);
  std::string body = mqtt_string("MQTT");
  body.push_back(4);
  body.push_back(kUserPasswordClean);
  body.append({0, 60});
  return mqtt_packet(0x10, body + mqtt_string(client_id) + mqtt_string(user) + mqtt_string(password));
}

std::string publish_packet(std::string_view topic, std::string_view payload, std::uint16_t packet_id) {
  std::string body = mqtt_string(topic);
  body.push_back(static_cast<char>(packet_id >> 8));
  body.push_back(static_cast<char>(packet_id & 0xff));
  return mqtt_packet(0x32, body.append(payload));
}

std::string subscribe_packet(std::string_view filter, std::uint16_t packet_id) {
  std::string body;
  body.push_back(static_cast<char>(packet_id >> 8));
  body.push_back(static_cast<char>(packet_id & 0xff));
  return mqtt_packet(0x82, body + mqtt_string(filter) + std::string(1, 1));
}

namespace {

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out.push_back(static_cast<char>((value >> (8 * bytes)) & 0xff));
  return out;
}

// Shorter than 128 bytes or not: the size is written as that of a packet (MQTT 5 2.2.2.1).
std::string properties(std::string_view all) {
  return mqtt_packet(0, all).substr(1);
}

std::string authentication(std::string_view method, std::string_view data) {
  constexpr char kMethod = 0x15;
  constexpr char kData = 0x16;
  return std::string(1, kMethod) + mqtt_string(method) + std::string(1, kData) + mqtt_string(data);
}

}  // namespace

std::string connect_packet(const EnhancedConnect& connect) {
  constexpr std::uint8_t kCleanStart = 0x02;
  constexpr std::uint8_t kUserName = 0x80;
  constexpr char kSessionExpiry = 0x11;
  std::string body = mqtt_string("MQTT");
  body.push_back(5);
  body.push_back(static_cast<char>((connect.session_expiry_s == 0 ? kCleanStart : 0) |
                                   (connect.user_name ? kUserName : 0)));
  body.append({0, 60});
  body += properties(std::string(1, kSessionExpiry) + big_endian(connect.session_expiry_s, 4) +
                     authentication(connect.method, connect.data));
  body += mqtt_string(connect.client_id);
  if (connect.user_name) body += mqtt_string(*connect.user_name);
  return mqtt_packet(0x10, body);
}

std::string auth_packet(std::uint8_t reason, std::string_view method, std::string_view data) {
  return mqtt_packet(0xf0,
                     std::string(1, static_cast<char>(reason)) + properties(authentication(method, data)));
}

std::string subscribe5_packet(std::string_view filter, std::uint16_t packet_id) {
  return mqtt_packet(0x82, big_endian(packet_id, 2) + properties("") + mqtt_string(filter) + '\x01');
}

std::string publish5_packet(std::string_view topic, std::string_view payload, std::uint16_t packet_id) {
  return mqtt_packet(0x32,
                     mqtt_string(topic) + big_endian(packet_id, 2) + properties("") + std::string(payload));
}

RawMqtt::RawMqtt(std::uint16_t port, const std::string& from) : socket_(connect_on_loopback(port, from)) {
  if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "connect");
}

RawMqtt::~RawMqtt() {
  close(socket_);
}

void RawMqtt::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // closed by the other side, which is for the test to find
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string RawMqtt::receive(std::size_t count) const {
  std::string all;
  std::array<char, 4096> buffer;
  while (all.size() < count) {
    pollfd readable{socket_, POLLIN, 0};
    constexpr int kPatienceMs = std::chrono::milliseconds(kPatience).count();
    if (poll(&readable, 1, kPatienceMs) <= 0) break;
    const ssize_t got = recv(socket_, buffer.data(), std::min(buffer.size(), count - all.size()), 0);
    if (got <= 0) break;
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

std::optional<RawPacket> RawMqtt::packet() const {
  const std::string type = receive(1);
  if (type.empty()) return std::nullopt;
  RawPacket packet{static_cast<std::uint8_t>(type[0]), {}};
  std::size_t size = 0;
  for (unsigned shift = 0; shift <= 21; shift += 7) {
    const std::string digit = receive(1);
    if (digit.empty()) return std::nullopt;
    size |= static_cast<std::size_t>(digit[0] & 0x7f) << shift;
    if ((digit[0] & 0x80) == 0) break;
  }
  packet.body = receive(size);
  if (packet.body.size() < size) return std::nullopt;
  return packet;
}

bool RawMqtt::closed(std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::array<char, 4096> buffer;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd readable{socket_, POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(patience.count())) <= 0) return false;
    if (recv(socket_, buffer.data(), buffer.size(), 0) <= 0) return true;
  }
  return false;
}

}  // namespace duet
