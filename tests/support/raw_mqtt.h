// tests/support/raw_mqtt.h: bytes on a socket, for packets that no MQTT library would send.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/patience.h"

namespace duet {

// An MQTT string: two bytes of size, then the text (MQTT 5 1.5.4).
std::string mqtt_string(std::string_view text);
// A packet: type and flags, remaining length, body (MQTT 5 2.1).
std::string mqtt_packet(std::uint8_t type_and_flags, std::string_view body);

// Packets of MQTT 3.1.1. Nothing is checked: that is what they are for.
std::string connect_packet(std::string_view client_id, std::string_view user, std::string_view password);
std::string publish_packet(std::string_view topic, std::string_view payload, std::uint16_t packet_id);
std::string subscribe_packet(std::string_view filter, std::uint16_t packet_id);

// A CONNECT of MQTT 5 with Enhanced Authentication (3.1.2.11.9), without will and password.
struct EnhancedConnect {
  std::string client_id;
  std::string method;
  std::string data;
  std::optional<std::string> user_name = std::nullopt;
  std::uint32_t session_expiry_s = 0;  // other than 0: no clean start
};
std::string connect_packet(const EnhancedConnect& connect);
// AUTH (MQTT 5 3.15).
std::string auth_packet(std::uint8_t reason, std::string_view method, std::string_view data);
// SUBSCRIBE and PUBLISH of MQTT 5, QoS 1, without properties.
std::string subscribe5_packet(std::string_view filter, std::uint16_t packet_id);
std::string publish5_packet(std::string_view topic, std::string_view payload, std::uint16_t packet_id);

// What the broker sent.
struct RawPacket {
  std::uint8_t type_and_flags = 0;
  std::string body;

  // The byte of the body at `index`; -1 when it is shorter.
  int at(std::size_t index) const {
    return index < body.size() ? static_cast<unsigned char>(body[index]) : -1;
  }
};

// A TCP connection to a port on 127.0.0.1, from an address of 127.0.0.0/8.
class RawMqtt {
 public:
  explicit RawMqtt(std::uint16_t port, const std::string& from = "127.0.0.1");
  ~RawMqtt();
  RawMqtt(const RawMqtt&) = delete;
  RawMqtt& operator=(const RawMqtt&) = delete;

  void send(std::string_view bytes) const;
  // Reads until `count` bytes are there or the other side has closed; returns what came.
  std::string receive(std::size_t count) const;
  // The next packet; nullopt when the other side has closed.
  std::optional<RawPacket> packet() const;
  // Whether the other side closes the connection before the patience ends.
  bool closed(std::chrono::milliseconds patience = kPatience) const;

 private:
  int socket_;
};

}  // namespace duet
