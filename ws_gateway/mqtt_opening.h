// ws_gateway/mqtt_opening.h: the client id of a CONNECT, and the broker's answer to it, for the log.
//
// Both directions are read byte by byte as they pass, so packets may be split in any way. Nothing is changed
// or held back, and memory is bounded by the length of a client id. Pure; one thread owns a reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

// Reads the first packet of a client, of MQTT 3.1.1 or 5.
class ConnectReader {
 public:
  // The next bytes of the client, from its first one on.
  void feed(std::string_view bytes);
  // The client id. `?` while it is not known, and when it is outside the grammar of names: then it could add
  // anything to a line of the log.
  std::string client_id() const;

 private:
  enum class Step : std::uint8_t {
    packet_type,
    packet_size,
    name_size,
    name_and_level,
    flags_and_keep_alive,
    properties_size,
    properties,
    id_size,
    id,
    end,
  };

  void take(std::uint8_t byte);
  void go_to(Step step, std::size_t bytes = 0);
  void take_properties_size(std::uint8_t byte);

  Step step_ = Step::packet_type;
  std::size_t left_ = 0;      // bytes of this step that are still to come
  std::uint32_t number_ = 0;  // a number of several bytes, as far as it has come
  unsigned shift_ = 0;        // of the next seven bits of a variable byte integer (MQTT 5 1.5.5)
  bool v5_ = false;
  bool whole_ = false;  // id_ is
  std::string id_;
};

// Reads the first packet of the broker.
class ConnackReader {
 public:
  // The next bytes of the broker, from its first one on. Returns the CONNACK's code when it is reached: 0 is
  // accepted (MQTT 3.1.1 3.2.2.3, MQTT 5 3.2.2.2). Nullopt before, afterwards, and for another packet.
  std::optional<std::uint8_t> feed(std::string_view bytes);

 private:
  enum class Step : std::uint8_t { packet_type, packet_size, flags, code, end };
  Step step_ = Step::packet_type;
};

struct MqttOpening {
  ConnectReader connect;
  ConnackReader connack;
};

}  // namespace duet
