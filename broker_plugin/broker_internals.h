// broker_plugin/broker_internals.h: what Mosquitto 2.0 can do and its plugin API does not offer
// (docs/adr/0027-broker-internals.md). Only for plugin.cpp.
//
// Debian's broker exports its own functions. They are looked up by name when the plugin is loaded; one that
// is not there is done without. No structure of the broker is looked into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct mosquitto;
struct mqtt5__property;  // NOLINT(bugprone-reserved-identifier): the broker's name

namespace duet {

class BrokerInternals {
 public:
  BrokerInternals();

  // Whether the client's Maximum Packet Size allows a packet of that size; true when that is not known.
  bool can_receive(const mosquitto* client, std::size_t packet_bytes) const;
  // DISCONNECT with that reason code (MQTT 5 3.14). Does not close the connection.
  void send_disconnect(const mosquitto* client, std::uint8_t reason) const;
  // CONNACK that refuses. False: it cannot be sent.
  bool refuse_connect(const mosquitto* client, std::uint8_t code) const;

  // The names of those that are missing; empty: all are there.
  std::string missing() const;

 private:
  int (*check_oversize_)(mosquitto*, std::uint32_t);
  int (*send_disconnect_)(mosquitto*, std::uint8_t, const mqtt5__property*);
  int (*send_connack_)(mosquitto*, std::uint8_t, std::uint8_t, const mqtt5__property*);
};

}  // namespace duet
