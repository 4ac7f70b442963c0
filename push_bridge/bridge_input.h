// push_bridge/bridge_input.h: what comes in from other threads, for the bridge's one.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "protocol/push_payload.h"
#include "protocol/service_payload.h"
#include "push_bridge/device_presence.h"
#include "push_bridge/dispatcher.h"
#include "service/bounded_queue.h"

namespace duet {

struct BrokerConnected {};
struct BrokerLost {};
// What a device has published on u/<me>/d/<device>/push. It holds a token: no log sees it.
struct PushSaid {
  Device device;
  std::string payload;
};

using BridgeInput = std::variant<BrokerConnected, BrokerLost, DevicePresence::Change, PresenceSnapshot,
                                 PushSaid, PushFeedPage, PushCheckAnswer, PushDevicesStored, PostDone>;

// Beyond it: presence is asked for anew, by a new connection; pages and answers come again as they are asked
// for again; a registration is lost, and said to be. What the bridge itself has caused (PostDone) always has
// room.
inline constexpr std::size_t kMaxBridgeInputs = 20'000;
using BridgeQueue = BoundedQueue<BridgeInput>;

}  // namespace duet
