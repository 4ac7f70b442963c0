// broker_plugin/refusals.h: how a device learns that its publish was refused.
//
// MQTT 3.1.1 cannot say no to a PUBLISH, and Mosquitto 2.0 says only 0x87 to an MQTT 5 client; so the reason
// goes to the device's error topic, and that of a request also to its reply topic.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "broker_plugin/broker_port.h"
#include "protocol/error_code.h"
#include "protocol/names.h"
#include "protocol/topic.h"

namespace duet {

// A publish that was not accepted, and what is known of it.
struct Refused {
  Refusal refusal;
  std::optional<MessageId> id = std::nullopt;  // of a message
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
  std::string req = {};  // of a request; empty: could not be read
};

// Tells the device. `topic` is the name it published to, `correlation` the request's MQTT 5 Correlation Data.
void tell_refusal(const Device& device, std::string_view topic, const Refused& refused,
                  std::optional<std::string_view> correlation, BrokerPort& broker);

}  // namespace duet
