// store_service/delivery.h: what the store hands to the broker for the clients.
//
// Pure functions. Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/envelope.h"
#include "protocol/frame.h"
#include "protocol/service_payload.h"
#include "store_service/store.h"

namespace duet {

// One publish to one topic under u/.
struct OutgoingDelivery {
  std::string topic;
  std::string payload;
  // Of the change that is told for the first time; 0: an answer or an update that is never told again.
  LogNumber log_number = 0;
  std::uint8_t qos = 1;
};

// A stored message goes to both sides: `sent` to its sender, `msg` to its recipient.
void add_message(const Envelope& envelope, LogNumber log_number, std::vector<OutgoingDelivery>& out);
// A resend is answered to its sender alone.
void add_duplicate(const Envelope& envelope, std::vector<OutgoingDelivery>& out);
// Raised marks go to both sides. `peer` is the one who wrote what `receipt.by` received.
void add_receipt(const Receipt& receipt, const UserId& peer, LogNumber log_number,
                 std::vector<OutgoingDelivery>& out);
// The peer is not to know of them: they go to the devices of `receipt.by` alone.
void add_withheld_receipt(const Receipt& receipt, const UserId& peer, LogNumber log_number,
                          std::vector<OutgoingDelivery>& out);
// `by` has accepted the peer's request: marks that were withheld, if there are any, are told.
void add_released(const UserId& by, const UserId& peer, const ToldMarks& released, std::string_view epoch,
                  std::vector<OutgoingDelivery>& out);
// At QoS 0: worth nothing a second later.
void add_typing(const TypingNotice& notice, std::vector<OutgoingDelivery>& out);
void add_error(const Device& device, const ErrorEvent& error, std::vector<OutgoingDelivery>& out);
void add_presence(const UserId& watcher, const UserId& peer, const PeerPresence& presence,
                  std::vector<OutgoingDelivery>& out);

struct DeliverFrame {
  std::string bytes;
  // When this frame and those before it have reached the broker, so has every change up to here. 0: nothing
  // is known.
  LogNumber through;
};

// Packs the deliveries, in order, into frames of at most kMaxDeliverFrameBytes, or a single delivery. Log
// numbers other than 0 must not descend.
inline constexpr std::size_t kMaxDeliverFrameBytes = kMaxIngestFrameBytes;
std::vector<DeliverFrame> pack_deliveries(std::span<const OutgoingDelivery> deliveries);

}  // namespace duet
