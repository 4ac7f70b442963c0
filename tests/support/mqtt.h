// tests/support/mqtt.h: the MQTT words that every test client shares.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

enum class MqttVersion : std::uint8_t { v3_1_1, v5 };
std::string_view to_string(MqttVersion version);

// Reason codes of MQTT 5 (2.4) and return codes of 3.1.1 that tests compare with.
inline constexpr int kSuccess = 0x00;
inline constexpr int kNoMatchingSubscribers = 0x10;
inline constexpr int kNotAuthorized = 0x87;
inline constexpr int kSessionTakenOver = 0x8e;
inline constexpr int kConnectionRateExceeded = 0x9f;
inline constexpr int kAdministrativeAction = 0x98;
inline constexpr int kSubscribeRefused311 = 0x80;  // MQTT 3.1.1 3.9.3
inline constexpr int kServerUnavailable311 = 3;    // MQTT 3.1.1 3.2.2.3
inline constexpr int kNotAuthorized311 = 5;        // MQTT 3.1.1 3.2.2.3
inline constexpr int kNoAnswer = -1;               // the connection ended before an answer came

// Whether a PUBACK says that the message was taken (0x10 included: nobody subscribes to an outbox).
inline bool accepted(int reason) {
  return reason == kSuccess || reason == kNoMatchingSubscribers;
}

struct Publish {
  std::string topic;
  std::string payload;
  int qos = 1;
  bool retain = false;
  std::optional<std::string> correlation;  // MQTT 5 Correlation Data
};

struct Received {
  std::string topic;
  std::string payload;
  int qos = 0;
  bool retain = false;
  std::optional<std::string> correlation;

  // The payload; discarded (nlohmann's word for "none") when it is no JSON.
  nlohmann::json json() const { return nlohmann::json::parse(payload, nullptr, false); }
};

}  // namespace duet
