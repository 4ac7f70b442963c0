// store_service/presence_queue.h: what the presence worker is told.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "protocol/payload.h"
#include "protocol/service_payload.h"
#include "service/bounded_queue.h"
#include "store_service/presence.h"
#include "store_service/reply.h"
#include "store_service/store.h"

namespace duet {

// A device said so, or the broker said it for it.
struct StateChange {
  Device device;
  DeviceState state;
};

// A device asks for a peer's presence, and for updates. The conversation exists.
struct WatchRequest {
  ReplyTo reply;
  UserId peer;
  std::optional<Timestamp> last_seen;  // the peer's, as stored
};

// A user asks for his devices, which are stored like this.
struct DevicesRequest {
  ReplyTo reply;
  std::vector<DeviceRow> rows;
};

// A block or its end is committed. It is in force when the reply has come, so the reply is sent by the one
// who stops telling.
struct BlocksChanged {
  ReplyTo reply;
  BlockUpdate update;
};

// The connection ended before the broker had acknowledged these.
struct UpdatesLost {
  std::vector<Presence::Update> updates;
};

using PresenceEvent = std::variant<StateChange, PresenceSnapshot, WatchRequest, DevicesRequest, BlocksChanged,
                                   UpdatesLost, TypingNotice>;
using PresenceQueue = BoundedQueue<PresenceEvent>;

inline constexpr std::size_t kMaxPresenceEvents = 100'000;

}  // namespace duet
