// tests/fault/push_crowd.h: devices that can be woken, and what a bridge has in hand for them.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/bridge_process.h"
#include "tests/support/push_double.h"
#include "tests/support/test_device.h"

namespace duet {

struct WokenDevice {
  std::string user;
  std::string device;
  PushProvider provider;
  std::string token;  // as the provider sees it
  nlohmann::json registration;

  // What it publishes after every connect: that it is online, and its registration.
  std::vector<Publish> greetings() const;
};

// With a token that nobody else has. `provider`: fcm, apns or webpush.
WokenDevice woken_device(std::string user, std::string device, PushProvider provider, PushDouble& providers);

// Each connects, registers and goes. Throws std::runtime_error when the bridge does not have all in the end.
void register_and_leave(const TestPlatform& platform, const BridgeProcess& bridge,
                        const std::vector<WokenDevice>& devices);

// The pushes in the bridge's outbox, without silent ones.
std::size_t waiting_pushes(const BridgeProcess& bridge);
// What the providers see of the conversation of the device with `peer`.
std::string conversation_tag(const BridgeProcess& bridge, const WokenDevice& device, const std::string& peer);

std::int64_t wall_ms();  // since the Unix epoch: the double's clock

}  // namespace duet
