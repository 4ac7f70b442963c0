// mqtt_codec/mqtt_codec.h: as much of MQTT 3.1.1 and 5 as the load generator and the privacy kit speak. Not a
// library's: one wants a packet's bytes to be cheap, the other sends what no library would.
//
// Packets are appended to a caller's buffer and read from one in place; nothing is copied or kept. Throws
// std::runtime_error for bytes that are not MQTT.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

// The protocol level as it stands in CONNECT.
enum class MqttVersion : std::uint8_t { v3_1_1 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  subscribe = 8,
  suback = 9,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
};

struct ConnectPacket {
  std::string client_id;
  std::string password;  // empty: neither user name nor password is sent
  std::string user;
  std::string will_topic;  // empty: no will. QoS 1
  std::string will_payload;
  bool will_retained = true;
  bool clean = true;                   // clean session (3.1.1), clean start (5)
  std::uint32_t session_expiry_s = 0;  // MQTT 5
  std::uint16_t keep_alive_s = 7200;   // so long that no run needs a PINGREQ
};
void encode_connect(const ConnectPacket& packet, MqttVersion version, std::string& out);
// Every filter at QoS 1.
void encode_subscribe(std::uint16_t packet_id, const std::vector<std::string>& filters, MqttVersion version,
                      std::string& out);
// QoS 1, not retained.
void encode_publish(std::uint16_t packet_id, std::string_view topic, std::string_view payload,
                    MqttVersion version, std::string& out);
// As above, with what is left out there. Nothing is checked: the topic may be none. No packet id at QoS 0.
struct PublishFlags {
  std::uint8_t qos = 1;
  bool retained = false;
};
void encode_publish(std::uint16_t packet_id, std::string_view topic, std::string_view payload,
                    const PublishFlags& flags, MqttVersion version, std::string& out);
void encode_disconnect(std::string& out);
void encode_puback(std::uint16_t packet_id, std::string& out);
void encode_pingreq(std::string& out);

// A PUBLISH encoded once, of which every copy differs in the packet id and in a number of ten digits.
class PublishTemplate {
 public:
  static constexpr std::size_t kDigits = 10;

  // The number stands at `digits_at` in `payload`.
  PublishTemplate(std::string_view topic, std::string_view payload, std::size_t digits_at,
                  MqttVersion version);
  void append(std::uint16_t packet_id, std::uint64_t number, std::string& out) const;

 private:
  std::string packet_;
  std::size_t packet_id_at_;
  std::size_t digits_at_;
};

struct Packet {
  PacketType type;
  std::uint8_t flags;     // the low four bits of the fixed header
  std::string_view body;  // what follows the fixed header
  std::size_t bytes;      // of the whole packet
};
// The packet at the start of `bytes`; nullopt: it is not all there yet.
std::optional<Packet> next_packet(std::string_view bytes);

struct IncomingPublish {
  std::uint8_t qos;
  std::uint16_t packet_id;  // 0 at QoS 0
  std::string_view topic;
  std::string_view payload;
  bool retained = false;
};
IncomingPublish decode_publish(const Packet& packet, MqttVersion version);

// Return or reason code of a CONNACK or DISCONNECT, and of a PUBACK; 0 is success.
std::uint8_t connack_code(const Packet& packet);
std::uint8_t disconnect_code(const Packet& packet);
std::uint8_t puback_code(const Packet& packet);
// The packet id of a PUBACK or SUBACK.
std::uint16_t acknowledged_id(const Packet& packet);
// The greatest code of a SUBACK: from 0x80 on a filter was refused.
std::uint8_t suback_code(const Packet& packet, MqttVersion version);

}  // namespace duet
