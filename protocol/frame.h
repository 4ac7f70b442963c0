// protocol/frame.h: the binary forms between plugin and store, and of a record in the journal.
//
// All numbers are little-endian. Checksums are CRC-32 (ISO 3309, as in zlib).
//
//   record          u32 size of the rest after the checksum | u32 checksum of the rest |
//                   u64 n | u64 ts (ms) | u8 kind | u8 user size | u8 device size | u8 peer size |
//                   user | device | peer | payload (to the end)
//
//   ingest frame    "DUI" 1 | node (16 bytes) | u64 previous | u32 count | count records, ascending n
//   deliver frame   "DUD" 1 | u32 count | count times: u8 qos | u8 0 | u16 topic size | u32 payload size |
//   topic | payload
//
// A record stands in a frame byte for byte as in the journal, checksum included: what the disk gave back is
// what the store checks. Decoders accept nothing but whole, well-formed input and keep views into it.
// Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"
#include "protocol/result.h"

namespace duet {

// On disk and on the wire: do not renumber.
enum class RecordKind : std::uint8_t { message = 1, receipt = 2 };

// One publish that the broker accepted.
struct Record {
  RecordNumber n;
  Timestamp ts;
  RecordKind kind;
  UserId user;
  DeviceId device;
  UserId peer;
  std::string payload;  // as the client published it
  friend bool operator==(const Record&, const Record&) = default;
};

constexpr std::size_t kRecordHeaderBytes = 8;
constexpr std::size_t kMaxRecordBytes = std::size_t{256} * 1024;

// The parts of a record that the plugin has at hand, to encode it without copies.
struct RecordView {
  RecordNumber n;
  Timestamp ts;
  RecordKind kind;
  std::string_view user;
  std::string_view device;
  std::string_view peer;
  std::string_view payload;
};

// Appends the encoded record to `out`.
void encode_record(const RecordView& record, std::string& out);

enum class DecodeError : std::uint8_t {
  truncated,     // more bytes are needed than there are
  bad_size,      // a size is impossible
  bad_checksum,  // the bytes are not those that were written
  bad_content,   // well summed, yet not a record, frame or name of ours
};
std::string_view to_string(DecodeError error);

struct DecodedRecord {
  Record record;
  std::size_t bytes;  // how much of the input it took
};
// Decodes the record at the start of `bytes`; what follows it is not looked at.
Result<DecodedRecord, DecodeError> decode_record(std::string_view bytes);

// Size in bytes and n (never 0) of the record at the start of `bytes`, checksum verified; nothing is copied.
struct RecordPlace {
  std::size_t bytes;
  RecordNumber n;
};
Result<RecordPlace, DecodeError> scan_record(std::string_view bytes);

// The identity of one journal, made once from random bytes: 16 characters of 0-9 a-f. A wiped journal is
// another node, so its numbers are never taken for those of the old one.
struct NodeGrammar {
  static constexpr std::size_t kMaxBytes = 16;
  static bool allows(char c);
};
using NodeId = Name<NodeGrammar>;
constexpr std::size_t kNodeIdBytes = 16;  // a NodeId is exactly that long on the wire

constexpr std::size_t kMaxIngestFrameBytes = std::size_t{48} * 1024;  // unless a single record is larger

struct IngestFrame {
  NodeId node;
  // The record before the first of this frame, in this journal; the frame follows on when it is at or before
  // the store's offset. 0: the journal has nothing before, and never will.
  RecordNumber previous;
  std::vector<Record> records;  // none: the node says hello and waits for {"from": n}
};

// `records` are `count` encoded records, one after the other.
std::string encode_ingest_frame(const NodeId& node, RecordNumber previous, std::uint32_t count,
                                std::string_view records);
Result<IngestFrame, DecodeError> decode_ingest_frame(std::string_view bytes);

struct Delivery {
  std::uint8_t qos;        // 0 or 1
  std::string_view topic;  // a topic name under u/
  std::string_view payload;
};

// Collects deliveries into one frame.
class DeliverFrameBuilder {
 public:
  DeliverFrameBuilder();
  void add(const Delivery& delivery);
  std::uint32_t count() const { return count_; }
  std::size_t bytes() const { return frame_.size(); }
  // The finished frame; the builder is empty again.
  std::string take();

 private:
  std::string frame_;
  std::uint32_t count_ = 0;
};

// The views live as long as `bytes`.
Result<std::vector<Delivery>, DecodeError> decode_deliver_frame(std::string_view bytes);

// ingest/<partition>/ctl: {"node", "from": n} or {"node", "committed": n}.
struct IngestControl {
  enum class Kind : std::uint8_t { from, committed };
  NodeId node;
  Kind kind;
  RecordNumber n;
  friend bool operator==(const IngestControl&, const IngestControl&) = default;
};
std::string format_ingest_control(const IngestControl& control);
std::optional<IngestControl> parse_ingest_control(std::string_view payload);

}  // namespace duet
