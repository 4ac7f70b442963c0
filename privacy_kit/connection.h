// privacy_kit/connection.h: one MQTT connection that shows every answer of the server, and may break rules.
//
// Blocking, used by one thread. What arrives is taken in while an answer is waited for, and acknowledged.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt_codec/mqtt_codec.h"

namespace duet::privacy {

// How long any one answer may take, unless said otherwise.
inline constexpr std::chrono::seconds kPatience{10};

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  std::chrono::seconds patience = kPatience;
  MqttVersion version = MqttVersion::v5;
};
// "mqtt://host:port" or "mqtt://host" (1883). Throws std::runtime_error for anything else.
Endpoint parse_mqtt_url(const std::string& url);

struct Arrival {
  std::string topic;
  std::string payload;
  bool retained = false;
};

// Reason codes (MQTT 5 2.4), the one refusal of a subscription that 3.1.1 has (3.9.3), and what is none.
inline constexpr int kSuccess = 0x00;
inline constexpr int kNoMatchingSubscribers = 0x10;
inline constexpr int kSubscribeRefused311 = 0x80;
inline constexpr int kNotAuthorized = 0x87;
inline constexpr int kClosed = -1;  // the connection ended, or nothing came in time
std::string reason_text(int code);

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  // Connects the socket and sends CONNECT. Throws std::runtime_error when there is no server.
  Connection(const Endpoint& server, const ConnectPacket& packet);
  ~Connection();  // DISCONNECT, so no will
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int connack();                             // the reason code, or kClosed
  int subscribe(const std::string& filter);  // SUBACK's
  // PUBACK's; at QoS 0 success at once.
  int publish(const std::string& topic, const std::string& payload, const PublishFlags& flags = {});
  void drop();  // ends the connection without DISCONNECT, as a lost network does

  bool open() const { return socket_ >= 0; }
  // Waits until `done` holds, the connection has ended or the time is up. Returns whether it holds.
  bool wait(const std::function<bool()>& done) { return wait(done, patience_); }
  bool wait(const std::function<bool()>& done, Clock::duration patience);
  bool wait_closed(Clock::duration patience);
  void pump();  // takes in what is there already, without waiting

  // What has arrived since the last call.
  std::vector<Arrival> take_arrivals();
  // Looks at what has arrived, without taking it.
  const std::vector<Arrival>& arrivals() const { return arrivals_; }

 private:
  void send(const std::string& bytes);
  bool read_once(std::chrono::milliseconds patience);
  void handle(const Packet& packet);
  int acknowledgement(std::uint16_t packet_id);
  std::uint16_t next_packet_id();
  void close_socket();

  const MqttVersion version_;
  const std::chrono::seconds patience_;
  int socket_ = -1;
  std::string in_;
  std::optional<int> connack_;
  std::map<std::uint16_t, int> acknowledged_;
  std::vector<Arrival> arrivals_;
  std::uint16_t packet_id_ = 0;
};

}  // namespace duet::privacy
