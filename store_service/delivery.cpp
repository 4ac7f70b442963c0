#include "store_service/delivery.h"

#include "protocol/payload.h"
#include "protocol/topic.h"
#include "store_service/cursor.h"

namespace duet {
namespace {

std::string in_topic(const UserId& me, const UserId& peer, InKind kind) {
  return format_topic(InTopic{me, peer, kind});
}

}  // namespace

void add_message(const Envelope& envelope, LogNumber log_number, std::vector<OutgoingDelivery>& out) {
  const std::string payload = format_envelope(envelope);
  out.push_back({in_topic(envelope.from, envelope.to, InKind::sent), payload, log_number});
  out.push_back({in_topic(envelope.to, envelope.from, InKind::message), payload, log_number});
}

void add_duplicate(const Envelope& envelope, std::vector<OutgoingDelivery>& out) {
  out.push_back({in_topic(envelope.from, envelope.to, InKind::sent), format_envelope(envelope), 0});
}

void add_receipt(const Receipt& receipt, const UserId& peer, LogNumber log_number,
                 std::vector<OutgoingDelivery>& out) {
  const std::string payload = format_receipt_event(receipt);
  out.push_back({in_topic(receipt.by, peer, InKind::receipt), payload, log_number});
  out.push_back({in_topic(peer, receipt.by, InKind::receipt), payload, log_number});
}

void add_withheld_receipt(const Receipt& receipt, const UserId& peer, LogNumber log_number,
                          std::vector<OutgoingDelivery>& out) {
  out.push_back({in_topic(receipt.by, peer, InKind::receipt), format_receipt_event(receipt), log_number});
}

void add_released(const UserId& by, const UserId& peer, const ToldMarks& released, std::string_view epoch,
                  std::vector<OutgoingDelivery>& out) {
  add_receipt({by, released.marks.delivered, released.marks.read, format_cursor(epoch, released.log_number)},
              peer, released.log_number, out);
}

void add_typing(const TypingNotice& notice, std::vector<OutgoingDelivery>& out) {
  out.push_back({in_topic(notice.to, notice.from, InKind::typing), format_typing(notice.typing), 0, 0});
}

void add_error(const Device& device, const ErrorEvent& error, std::vector<OutgoingDelivery>& out) {
  out.push_back({format_topic(DeviceTopic{device, DeviceKind::error, ""}), format_error(error), 0});
}

void add_presence(const UserId& watcher, const UserId& peer, const PeerPresence& presence,
                  std::vector<OutgoingDelivery>& out) {
  out.push_back({in_topic(watcher, peer, InKind::presence), format_peer_presence(presence), 0});
}

std::vector<DeliverFrame> pack_deliveries(std::span<const OutgoingDelivery> deliveries) {
  std::vector<DeliverFrame> frames;
  DeliverFrameBuilder builder;
  LogNumber packed = 0;  // the last log number that was packed
  for (const auto& delivery : deliveries) {
    constexpr std::size_t kDeliveryHeaderBytes = 8;
    const auto bytes = kDeliveryHeaderBytes + delivery.topic.size() + delivery.payload.size();
    if (builder.count() > 0 && builder.bytes() + bytes > kMaxDeliverFrameBytes) {
      // A change whose second half is in the next frame has not been told yet.
      const bool cut = delivery.log_number != 0 && delivery.log_number == packed;
      frames.push_back({builder.take(), cut ? packed - 1 : packed});
    }
    builder.add({delivery.qos, delivery.topic, delivery.payload});
    if (delivery.log_number != 0) packed = delivery.log_number;
  }
  if (builder.count() > 0) frames.push_back({builder.take(), packed});
  return frames;
}

}  // namespace duet
