// broker_plugin/broker_port.h: what the plugin's logic asks of the broker.
//
// plugin.cpp implements it with Mosquitto; the tests record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker_plugin/connection.h"

namespace duet {

enum class Qos : std::uint8_t { at_most_once = 0, at_least_once = 1 };

enum class LogLevel : std::uint8_t { debug, notice, warning, error };

struct OutgoingMessage {
  std::string_view topic;
  std::string_view payload;
  Qos qos = Qos::at_least_once;
  bool retain = false;
  std::optional<std::string_view> correlation = std::nullopt;  // MQTT 5 Correlation Data, 3.3.2.3.6
};

// Used by the broker's thread alone.
class BrokerPort {
 public:
  virtual ~BrokerPort() = default;

  // Queues a message; the broker routes it at the start of its next loop turn, after the acknowledgement of
  // what it is handling now. Throws std::bad_alloc.
  virtual void publish(const OutgoingMessage& message) = 0;
  // Ends the connection; its will is sent, and an MQTT 5 client is told 0x98 (administrative action). Only
  // from Gate::tick, and for an AUTH that is refused: inside a publish the acknowledgement would be lost.
  virtual void kick(const std::string& client_id) = 0;
  // Tells an MQTT 5 client that another connection takes its place (DISCONNECT 0x8E, 3.14.2.1). The broker
  // closes the connection afterwards. Does nothing where the broker cannot be made to say it.
  virtual void tell_taken_over(Connection connection) = 0;
  // Whether the client can receive a packet of that size: an MQTT 5 client may announce a Maximum Packet Size
  // (3.1.2.11.4), and the broker drops what is larger. True if the broker does not tell. The connection is
  // live.
  virtual bool can_receive(Connection connection, std::size_t packet_bytes) const = 0;
  virtual void log(LogLevel level, const std::string& text) = 0;
};

}  // namespace duet
