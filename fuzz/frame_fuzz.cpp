// Frames and records. Input: a letter (i ingest frame, d deliver frame, r record; I and R: with the checksums
// made right), and the bytes.
#include <string>
#include <variant>

#include "broker_plugin/fanout.h"
#include "fuzz/checksums.h"
#include "fuzz/fuzz.h"
#include "protocol/frame.h"
#include "protocol/topic.h"

namespace duet::fuzz {
namespace {

constexpr std::size_t kFrameHeaderBytes = 4 + kNodeIdBytes + 8 + 4;

// Takes nothing but what a device may receive.
class StrictBroker final : public BrokerPort {
 public:
  void publish(const OutgoingMessage& message) override {
    const auto topic = parse_topic(message.topic);
    const auto* device = topic ? std::get_if<DeviceTopic>(&*topic) : nullptr;
    const bool answer =
        device != nullptr && (device->kind == DeviceKind::reply || device->kind == DeviceKind::error);
    require(topic && (answer || std::holds_alternative<InTopic>(*topic)), "only devices are delivered to");
    require(!message.retain, "nothing delivered is retained");
    ++published_;
  }
  void kick(const std::string&) override { require(false, "a frame kicks nobody"); }
  void tell_taken_over(Connection) override { require(false, "a frame takes no session over"); }
  bool can_receive(Connection, std::size_t) const override { return true; }
  void log(LogLevel, const std::string&) override { ++left_out_; }

  std::size_t seen() const { return published_ + left_out_; }

 private:
  std::size_t published_ = 0;
  std::size_t left_out_ = 0;
};

void encode(const Record& record, std::string& out) {
  encode_record({record.n, record.ts, record.kind, record.user, record.device, record.peer, record.payload},
                out);
}

void check_record(std::string_view bytes) {
  const auto place = scan_record(bytes);
  const auto decoded = decode_record(bytes);
  if (!decoded) return;
  require(place && place->bytes == decoded->bytes && place->n == decoded->record.n,
          "scanning finds what decoding finds");
  std::string again;
  encode(decoded->record, again);
  require(again == bytes.substr(0, decoded->bytes), "a record is encoded as it was decoded");
}

void check_ingest_frame(std::string_view bytes) {
  const auto frame = decode_ingest_frame(bytes);
  if (!frame) return;
  std::string records;
  RecordNumber last = frame->previous;
  for (const auto& record : frame->records) {
    require(record.n > last, "numbers ascend");
    last = record.n;
    encode(record, records);
  }
  const auto count = static_cast<std::uint32_t>(frame->records.size());
  require(encode_ingest_frame(frame->node, frame->previous, count, records) == bytes,
          "an ingest frame is encoded as it was decoded");
}

void check_deliver_frame(std::string_view bytes) {
  const auto deliveries = decode_deliver_frame(bytes);
  StrictBroker broker;
  require(fan_out(bytes, broker) == deliveries.has_value(), "what is a frame is fanned out");
  if (!deliveries) return;
  require(broker.seen() == deliveries->size(), "every delivery is published or left out");
  DeliverFrameBuilder builder;
  for (const auto& delivery : *deliveries) builder.add(delivery);
  require(builder.take() == bytes, "a deliver frame is encoded as it was decoded");
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  const char form = static_cast<char>(input.byte());
  std::string rest(input.rest());
  if (form == 'I') sum_records(rest, kFrameHeaderBytes);
  if (form == 'R') sum_records(rest, 0);
  if (form == 'i' || form == 'I') check_ingest_frame(rest);
  if (form == 'r' || form == 'R') check_record(rest);
  if (form == 'd') check_deliver_frame(rest);
}

}  // namespace duet::fuzz
