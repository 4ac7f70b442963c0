// tests/support/sdk_client.h: devices made of other people's MQTT clients. They know MQTT and nothing of
// Duet: that such a client is enough is what the tests show.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/mqtt.h"

namespace duet {

class TestPlatform;

enum class SdkKind : std::uint8_t {
  mosquitto_cli,     // mosquitto_sub and one mosquitto_pub for each publish (a second device of the user)
  mqttjs_tcp,        // MQTT.js in Node.js
  mqttjs_websocket,  // the same over WebSocket
  paho_cpp,          // Paho MQTT C++
};
std::string_view to_string(SdkKind kind);

// Whom a client is to be.
struct SdkAccount {
  std::uint16_t mqtt_port = 0;
  std::string ws_url;
  MqttVersion version = MqttVersion::v5;
  std::string user;
  std::string device;
  std::string token;
  std::vector<std::string> filters;  // what it subscribes to
  // The Authentication Method with the token as its data (MQTT 5 4.12, MQTT.js only); empty: a password.
  std::string method = {};
  // By TLS, then: mqtt_port speaks it and ws_url is one of wss. Whom to trust; empty: plain.
  std::string ca_file = {};

  // mqtt://127.0.0.1:1883 or mqtts://localhost:8883, with another's name for the scheme.
  std::string uri(const std::string& plain, const std::string& secure) const;
};

// Connected and subscribed from construction (which throws std::runtime_error when that fails) to
// destruction. Used by one thread; messages are taken in by a thread of the client's.
class SdkClient {
 public:
  virtual ~SdkClient() = default;
  // QoS 1; returns when it is acknowledged. Throws std::runtime_error when it is not.
  virtual void publish(const std::string& topic, const std::string& payload) = 0;

  // Puts the token in the place of the old one (AUTH, MQTT 5 4.12.1). Throws std::runtime_error when that
  // fails. MQTT.js only.
  virtual void renew(const std::string& token);
  // Waits for the connection's end. Returns the reason the broker gave (MQTT 5 3.14.2.1), if it did. MQTT.js
  // only.
  virtual std::optional<int> wait_ended();

  // The payload of the first message on `topic`, received already or later, for which `match` holds. Throws
  // std::runtime_error when none comes.
  nlohmann::json wait_for(const std::string& topic,
                          const std::function<bool(const nlohmann::json&)>& match) const;

 protected:
  void receive(Received message);

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Received> inbox_;  // guarded by mutex_
};

std::unique_ptr<SdkClient> make_sdk_client(SdkKind kind, const SdkAccount& account);

// The makers, one file each.
std::unique_ptr<SdkClient> make_cli_client(const SdkAccount& account);
std::unique_ptr<SdkClient> make_node_client(const SdkAccount& account, const std::string& url);
std::unique_ptr<SdkClient> make_paho_client(const SdkAccount& account);

}  // namespace duet
