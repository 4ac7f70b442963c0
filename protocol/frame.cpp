#include "protocol/frame.h"

#include <zlib.h>

#include <cassert>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"

namespace duet {
namespace {

constexpr std::string_view kIngestMagic("DUI\1", 4);
constexpr std::string_view kDeliverMagic("DUD\1", 4);
constexpr std::size_t kRecordFixedBytes = 8 + 8 + 4;

template <typename Number>
void put(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}

template <typename Number>
void put_at(std::string& out, std::size_t at, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out[at + i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

// Takes numbers and strings off the front of a view. After an overrun `ok` is false and every value is zero
// or empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number number() {
    const auto bytes = text(sizeof(Number));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return static_cast<Number>(value);
  }

  std::string_view text(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The part of a record after its header, once its checksum is right.
Result<std::string_view, DecodeError> checked_body(std::string_view bytes) {
  Reader reader(bytes);
  const auto size = reader.number<std::uint32_t>();
  const auto sum = reader.number<std::uint32_t>();
  if (!reader.ok()) return Failure<DecodeError>(DecodeError::truncated);
  if (size < kRecordFixedBytes || size > kMaxRecordBytes) return Failure<DecodeError>(DecodeError::bad_size);
  const auto body = reader.text(size);
  if (!reader.ok()) return Failure<DecodeError>(DecodeError::truncated);
  if (checksum(body) != sum) return Failure<DecodeError>(DecodeError::bad_checksum);
  return body;
}

}  // namespace

bool NodeGrammar::allows(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::string_view to_string(DecodeError error) {
  switch (error) {
    case DecodeError::truncated:
      return "truncated";
    case DecodeError::bad_size:
      return "impossible size";
    case DecodeError::bad_checksum:
      return "wrong checksum";
    case DecodeError::bad_content:
      return "not of the format";
  }
  return "unknown";
}

void encode_record(const RecordView& record, std::string& out) {
  assert(record.user.size() <= UserId::kMaxBytes && record.device.size() <= DeviceId::kMaxBytes &&
         record.peer.size() <= UserId::kMaxBytes);
  const std::size_t start = out.size();
  out.reserve(start + kRecordHeaderBytes + kRecordFixedBytes + record.user.size() + record.device.size() +
              record.peer.size() + record.payload.size());
  put<std::uint64_t>(out, 0);  // size and checksum, known at the end
  put<std::uint64_t>(out, record.n);
  put<std::uint64_t>(out, static_cast<std::uint64_t>(record.ts.time_since_epoch().count()));
  put(out, static_cast<std::uint8_t>(record.kind));
  put(out, static_cast<std::uint8_t>(record.user.size()));
  put(out, static_cast<std::uint8_t>(record.device.size()));
  put(out, static_cast<std::uint8_t>(record.peer.size()));
  out.append(record.user).append(record.device).append(record.peer).append(record.payload);
  const auto body = std::string_view(out).substr(start + kRecordHeaderBytes);
  put_at(out, start, static_cast<std::uint32_t>(body.size()));
  put_at(out, start + 4, checksum(body));
}

Result<RecordPlace, DecodeError> scan_record(std::string_view bytes) {
  const auto body = checked_body(bytes);
  if (!body) return Failure<DecodeError>(body.error());
  const auto n = Reader(*body).number<std::uint64_t>();
  if (n == 0) return Failure<DecodeError>(DecodeError::bad_content);
  return RecordPlace{kRecordHeaderBytes + body->size(), n};
}

Result<DecodedRecord, DecodeError> decode_record(std::string_view bytes) {
  const auto body = checked_body(bytes);
  if (!body) return Failure<DecodeError>(body.error());
  Reader reader(*body);
  const auto n = reader.number<std::uint64_t>();
  const auto ts = reader.number<std::uint64_t>();
  const auto kind = reader.number<std::uint8_t>();
  const auto user_bytes = reader.number<std::uint8_t>();
  const auto device_bytes = reader.number<std::uint8_t>();
  const auto peer_bytes = reader.number<std::uint8_t>();
  auto user = UserId::parse(reader.text(user_bytes));
  auto device = DeviceId::parse(reader.text(device_bytes));
  auto peer = UserId::parse(reader.text(peer_bytes));
  const bool known_kind = kind == static_cast<std::uint8_t>(RecordKind::message) ||
                          kind == static_cast<std::uint8_t>(RecordKind::receipt);
  if (!reader.ok() || !known_kind || n == 0 || !user || !device || !peer || ts > kMaxSeq) {
    return Failure<DecodeError>(DecodeError::bad_content);
  }
  return DecodedRecord{
      Record{n, Timestamp(std::chrono::milliseconds(ts)), static_cast<RecordKind>(kind), *std::move(user),
             *std::move(device), *std::move(peer), std::string(reader.rest())},
      kRecordHeaderBytes + body->size()};
}

std::string encode_ingest_frame(const NodeId& node, RecordNumber previous, std::uint32_t count,
                                std::string_view records) {
  assert(node.str().size() == kNodeIdBytes);
  std::string out;
  out.reserve(kIngestMagic.size() + kNodeIdBytes + 12 + records.size());
  out.append(kIngestMagic).append(node.str());
  put<std::uint64_t>(out, previous);
  put<std::uint32_t>(out, count);
  out.append(records);
  return out;
}

Result<IngestFrame, DecodeError> decode_ingest_frame(std::string_view bytes) {
  Reader reader(bytes);
  const auto magic = reader.text(kIngestMagic.size());
  auto node = NodeId::parse(reader.text(kNodeIdBytes));
  const auto previous = reader.number<std::uint64_t>();
  const auto count = reader.number<std::uint32_t>();
  if (!reader.ok()) return Failure<DecodeError>(DecodeError::truncated);
  if (magic != kIngestMagic || !node || node->str().size() != kNodeIdBytes) {
    return Failure<DecodeError>(DecodeError::bad_content);
  }
  IngestFrame frame{*std::move(node), previous, {}};
  auto rest = reader.rest();
  RecordNumber last = previous;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto decoded = decode_record(rest);
    if (!decoded) return Failure<DecodeError>(decoded.error());
    if (decoded->record.n <= last) return Failure<DecodeError>(DecodeError::bad_content);
    last = decoded->record.n;
    rest.remove_prefix(decoded->bytes);
    frame.records.push_back(std::move(decoded->record));
  }
  if (!rest.empty()) return Failure<DecodeError>(DecodeError::bad_size);
  return frame;
}

DeliverFrameBuilder::DeliverFrameBuilder() : frame_(kDeliverMagic) {
  put<std::uint32_t>(frame_, 0);
}

void DeliverFrameBuilder::add(const Delivery& delivery) {
  assert(delivery.topic.size() <= std::numeric_limits<std::uint16_t>::max());
  put(frame_, delivery.qos);
  put<std::uint8_t>(frame_, 0);
  put(frame_, static_cast<std::uint16_t>(delivery.topic.size()));
  put(frame_, static_cast<std::uint32_t>(delivery.payload.size()));
  frame_.append(delivery.topic).append(delivery.payload);
  put_at(frame_, kDeliverMagic.size(), ++count_);
}

std::string DeliverFrameBuilder::take() {
  return std::exchange(*this, DeliverFrameBuilder()).frame_;
}

Result<std::vector<Delivery>, DecodeError> decode_deliver_frame(std::string_view bytes) {
  Reader reader(bytes);
  const auto magic = reader.text(kDeliverMagic.size());
  const auto count = reader.number<std::uint32_t>();
  if (!reader.ok()) return Failure<DecodeError>(DecodeError::truncated);
  if (magic != kDeliverMagic) return Failure<DecodeError>(DecodeError::bad_content);
  std::vector<Delivery> deliveries;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto qos = reader.number<std::uint8_t>();
    const auto reserved = reader.number<std::uint8_t>();
    const auto topic_bytes = reader.number<std::uint16_t>();
    const auto payload_bytes = reader.number<std::uint32_t>();
    const auto topic = reader.text(topic_bytes);
    const auto payload = reader.text(payload_bytes);
    if (!reader.ok()) return Failure<DecodeError>(DecodeError::truncated);
    if (qos > 1 || reserved != 0 || topic.empty()) return Failure<DecodeError>(DecodeError::bad_content);
    deliveries.push_back({qos, topic, payload});
  }
  if (!reader.rest().empty()) return Failure<DecodeError>(DecodeError::bad_size);
  return deliveries;
}

std::string format_ingest_control(const IngestControl& control) {
  return dump({{"node", control.node.str()},
               {control.kind == IngestControl::Kind::from ? "from" : "committed", control.n}});
}

std::optional<IngestControl> parse_ingest_control(std::string_view payload) {
  const auto json = nlohmann::json::parse(payload, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto node = json.find("node");
  if (node == json.end() || !node->is_string()) return std::nullopt;
  auto id = NodeId::parse(node->get<std::string>());
  const bool from = json.contains("from");
  if (from && json.contains("committed")) return std::nullopt;
  const auto n = json.find(from ? "from" : "committed");
  if (!id || id->str().size() != kNodeIdBytes || n == json.end() || !n->is_number_unsigned())
    return std::nullopt;
  return IngestControl{*std::move(id), from ? IngestControl::Kind::from : IngestControl::Kind::committed,
                       n->get<RecordNumber>()};
}

}  // namespace duet
