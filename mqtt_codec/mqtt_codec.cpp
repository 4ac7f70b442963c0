#include "mqtt_codec/mqtt_codec.h"

#include <algorithm>
#include <stdexcept>

namespace duet {
namespace {

void put_byte(unsigned value, std::string& out) {
  out.push_back(static_cast<char>(value));
}

void put_u16(std::size_t value, std::string& out) {
  put_byte(static_cast<unsigned>(value >> 8 & 0xff), out);
  put_byte(static_cast<unsigned>(value & 0xff), out);
}

void put_text(std::string_view text, std::string& out) {
  put_u16(text.size(), out);
  out.append(text);
}

// Fixed header (MQTT 5 2.1): type and flags, then the remaining length, seven bits a byte.
void put_header(PacketType type, unsigned flags, std::size_t remaining, std::string& out) {
  put_byte(static_cast<unsigned>(type) << 4 | flags, out);
  do {
    const auto low = static_cast<unsigned>(remaining & 0x7f);
    remaining >>= 7;
    put_byte(remaining > 0 ? low | 0x80 : low, out);
  } while (remaining > 0);
}

void put_packet(PacketType type, unsigned flags, std::string_view body, std::string& out) {
  put_header(type, flags, body.size(), out);
  out.append(body);
}

void put_no_properties(MqttVersion version, std::string& out) {
  if (version == MqttVersion::v5) put_byte(0, out);
}

// The properties of a CONNECT (MQTT 5 3.1.2.11).
void put_session_expiry(std::uint32_t seconds, MqttVersion version, std::string& out) {
  if (version != MqttVersion::v5 || seconds == 0) return put_no_properties(version, out);
  constexpr unsigned kSessionExpiryInterval = 0x11;
  put_byte(5, out);
  put_byte(kSessionExpiryInterval, out);
  put_u16(seconds >> 16, out);
  put_u16(seconds & 0xffff, out);
}

[[noreturn]] void truncated() {
  throw std::runtime_error("the broker sent a truncated packet");
}

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  if (at >= bytes.size()) truncated();
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

struct VariableInteger {
  std::size_t value;
  std::size_t bytes;
};
// MQTT 5 1.5.5; nullopt: it is not all there yet.
std::optional<VariableInteger> variable_integer(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 4); ++i) {
    const std::uint8_t byte = byte_at(bytes, i);
    value |= static_cast<std::size_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) return VariableInteger{value, i + 1};
  }
  if (bytes.size() >= 4) throw std::runtime_error("the broker sent an impossible length");
  return std::nullopt;
}

// How many bytes of properties, their length included, stand at the start of `bytes`.
std::size_t properties_bytes(std::string_view bytes, MqttVersion version) {
  if (version != MqttVersion::v5) return 0;
  const auto length = variable_integer(bytes);
  if (!length || length->bytes + length->value > bytes.size()) truncated();
  return length->bytes + length->value;
}

}  // namespace

void encode_connect(const ConnectPacket& packet, MqttVersion version, std::string& out) {
  constexpr unsigned kCleanStart = 0x02;
  constexpr unsigned kWillQos1 = 0x04 | 0x08;
  constexpr unsigned kWillRetained = 0x20;
  constexpr unsigned kUserAndPassword = 0x80 | 0x40;
  unsigned flags = packet.clean ? kCleanStart : 0;
  if (!packet.will_topic.empty()) flags |= kWillQos1 | (packet.will_retained ? kWillRetained : 0);
  if (!packet.password.empty()) flags |= kUserAndPassword;

  std::string body;
  put_text("MQTT", body);
  put_byte(static_cast<unsigned>(version), body);
  put_byte(flags, body);
  put_u16(packet.keep_alive_s, body);
  put_session_expiry(packet.session_expiry_s, version, body);
  put_text(packet.client_id, body);
  if (!packet.will_topic.empty()) {
    put_no_properties(version, body);
    put_text(packet.will_topic, body);
    put_text(packet.will_payload, body);
  }
  if (!packet.password.empty()) {
    put_text(packet.user, body);
    put_text(packet.password, body);
  }
  put_packet(PacketType::connect, 0, body, out);
}

void encode_subscribe(std::uint16_t packet_id, const std::vector<std::string>& filters, MqttVersion version,
                      std::string& out) {
  std::string body;
  put_u16(packet_id, body);
  put_no_properties(version, body);
  for (const std::string& filter : filters) {
    put_text(filter, body);
    put_byte(1, body);
  }
  put_packet(PacketType::subscribe, 0x02, body, out);
}

void encode_publish(std::uint16_t packet_id, std::string_view topic, std::string_view payload,
                    MqttVersion version, std::string& out) {
  encode_publish(packet_id, topic, payload, PublishFlags{}, version, out);
}

void encode_publish(std::uint16_t packet_id, std::string_view topic, std::string_view payload,
                    const PublishFlags& flags, MqttVersion version, std::string& out) {
  const std::size_t properties = version == MqttVersion::v5 ? 1 : 0;
  const std::size_t id_bytes = flags.qos > 0 ? 2 : 0;
  put_header(PacketType::publish, unsigned{flags.qos} << 1 | (flags.retained ? 1U : 0U),
             2 + topic.size() + id_bytes + properties + payload.size(), out);
  put_text(topic, out);
  if (flags.qos > 0) put_u16(packet_id, out);
  put_no_properties(version, out);
  out.append(payload);
}

void encode_disconnect(std::string& out) {
  put_packet(PacketType::disconnect, 0, "", out);
}

void encode_puback(std::uint16_t packet_id, std::string& out) {
  put_header(PacketType::puback, 0, 2, out);
  put_u16(packet_id, out);
}

void encode_pingreq(std::string& out) {
  put_header(PacketType::pingreq, 0, 0, out);
}

PublishTemplate::PublishTemplate(std::string_view topic, std::string_view payload, std::size_t digits_at,
                                 MqttVersion version) {
  encode_publish(0, topic, payload, version, packet_);
  const std::size_t payload_at = packet_.size() - payload.size();
  packet_id_at_ = payload_at - (version == MqttVersion::v5 ? 3 : 2);
  digits_at_ = payload_at + digits_at;
}

void PublishTemplate::append(std::uint16_t packet_id, std::uint64_t number, std::string& out) const {
  const std::size_t start = out.size();
  out.append(packet_);
  out[start + packet_id_at_] = static_cast<char>(packet_id >> 8);
  out[start + packet_id_at_ + 1] = static_cast<char>(packet_id & 0xff);
  for (std::size_t digit = kDigits; digit-- > 0; number /= 10) {
    out[start + digits_at_ + digit] = static_cast<char>('0' + number % 10);
  }
}

std::optional<Packet> next_packet(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto length = variable_integer(bytes.substr(1));
  if (!length) return std::nullopt;
  const std::size_t header = 1 + length->bytes;
  if (bytes.size() < header + length->value) return std::nullopt;
  const std::uint8_t first = byte_at(bytes, 0);
  return Packet{static_cast<PacketType>(first >> 4), static_cast<std::uint8_t>(first & 0x0f),
                bytes.substr(header, length->value), header + length->value};
}

IncomingPublish decode_publish(const Packet& packet, MqttVersion version) {
  const auto qos = static_cast<std::uint8_t>(packet.flags >> 1 & 0x03);
  std::size_t at = 2 + std::size_t{u16_at(packet.body, 0)};
  if (at > packet.body.size()) truncated();
  const std::string_view topic = packet.body.substr(2, at - 2);
  std::uint16_t packet_id = 0;
  if (qos > 0) {
    packet_id = u16_at(packet.body, at);
    at += 2;
  }
  at += properties_bytes(packet.body.substr(at), version);
  return IncomingPublish{qos, packet_id, topic, packet.body.substr(at), (packet.flags & 0x01) != 0};
}

std::uint8_t connack_code(const Packet& packet) {
  return byte_at(packet.body, 1);
}

std::uint8_t disconnect_code(const Packet& packet) {
  return packet.body.empty() ? 0 : byte_at(packet.body, 0);
}

std::uint8_t puback_code(const Packet& packet) {
  return packet.body.size() < 3 ? 0 : byte_at(packet.body, 2);
}

std::uint16_t acknowledged_id(const Packet& packet) {
  return u16_at(packet.body, 0);
}

std::uint8_t suback_code(const Packet& packet, MqttVersion version) {
  std::size_t at = 2;
  if (packet.body.size() < at) truncated();
  at += properties_bytes(packet.body.substr(at), version);
  std::uint8_t greatest = 0;
  for (; at < packet.body.size(); ++at) greatest = std::max(greatest, byte_at(packet.body, at));
  return greatest;
}

}  // namespace duet
