#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/protocol/vectors.h"

namespace duet {
namespace {

using nlohmann::json;

Record to_record(const json& value) {
  return {value.at("n"),
          Timestamp(std::chrono::milliseconds(value.at("ts").get<std::int64_t>())),
          static_cast<RecordKind>(value.at("kind").get<int>()),
          *UserId::parse(value.at("user").get<std::string>()),
          *DeviceId::parse(value.at("device").get<std::string>()),
          *UserId::parse(value.at("peer").get<std::string>()),
          from_hex(value.at("payload_hex").get<std::string>())};
}

std::vector<Record> to_records(const json& list) {
  std::vector<Record> records;
  for (const auto& value : list) records.push_back(to_record(value));
  return records;
}

std::string encode(const Record& record) {
  std::string out;
  encode_record({record.n, record.ts, record.kind, record.user, record.device, record.peer, record.payload},
                out);
  return out;
}

std::string encode_all(const std::vector<Record>& records) {
  std::string out;
  for (const auto& record : records) out += encode(record);
  return out;
}

std::string bytes_of(const json& test) {
  return from_hex(test.at("hex").get<std::string>());
}

std::string first_bytes(const char* list) {
  return bytes_of(load_vectors("frames.json", list).at(0));
}

template <typename T>
std::string error_of(const Result<T, DecodeError>& result) {
  return result ? "decoded" : std::string(to_string(result.error()));
}

TEST(RecordCodec, WritesAndReadsThePublishedBytes) {
  for (const auto& test : load_vectors("frames.json", "records")) {
    const auto record = to_record(test.at("record"));
    EXPECT_EQ(to_hex(encode(record)), test.at("hex"));
    const auto bytes = bytes_of(test) + "whatever follows";
    const auto decoded = decode_record(bytes);
    ASSERT_TRUE(decoded) << error_of(decoded);
    EXPECT_EQ(decoded->record, record);
    EXPECT_EQ(decoded->bytes, bytes_of(test).size());
    const auto place = scan_record(bytes);
    ASSERT_TRUE(place);
    EXPECT_EQ(place->n, record.n);
    EXPECT_EQ(place->bytes, bytes_of(test).size());
  }
}

TEST(RecordCodec, AppendsToWhatIsThere) {
  std::string out = "before";
  encode_record({7, {}, RecordKind::message, "a", "b", "c", "d"}, out);
  EXPECT_EQ(out.substr(0, 6), "before");
  EXPECT_EQ(decode_record(std::string_view(out).substr(6))->record.n, 7U);
}

TEST(RecordCodec, RefusesWhatIsNoRecord) {
  for (const auto& test : load_vectors("frames.json", "bad_records")) {
    EXPECT_EQ(error_of(decode_record(bytes_of(test))), test.at("error")) << test;
  }
}

TEST(RecordCodec, KnowsATornRecordAtEveryByte) {
  const auto bytes = first_bytes("records");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto torn = std::string_view(bytes).substr(0, size);
    EXPECT_EQ(error_of(decode_record(torn)), to_string(DecodeError::truncated)) << size;
    EXPECT_EQ(error_of(scan_record(torn)), to_string(DecodeError::truncated)) << size;
  }
}

TEST(RecordCodec, KnowsEveryFlippedBit) {
  auto bytes = first_bytes("records");
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1U << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    EXPECT_FALSE(decode_record(bytes)) << bit;
    EXPECT_FALSE(scan_record(bytes)) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
  EXPECT_TRUE(decode_record(bytes));
}

// Numbers begin at 1: a file full of zeros with a right checksum is no record. Found by fuzzing a journal.
TEST(RecordCodec, HasNoRecordOfNumberZero) {
  std::string bytes;
  encode_record({0, {}, RecordKind::message, "a", "b", "c", "d"}, bytes);
  EXPECT_EQ(error_of(decode_record(bytes)), to_string(DecodeError::bad_content));
  EXPECT_EQ(error_of(scan_record(bytes)), to_string(DecodeError::bad_content));
}

TEST(RecordCodec, CarriesTheLargestRecordAndNoLarger) {
  Record record{1, {}, RecordKind::message, *UserId::parse("a"), *DeviceId::parse("b"), *UserId::parse("c"),
                {}};
  const auto fixed_bytes = encode(record).size() - kRecordHeaderBytes;
  record.payload.assign(kMaxRecordBytes - fixed_bytes, 'x');
  ASSERT_TRUE(decode_record(encode(record)));
  EXPECT_EQ(decode_record(encode(record))->record, record);
  record.payload += 'x';
  EXPECT_EQ(error_of(decode_record(encode(record))), to_string(DecodeError::bad_size));
}

TEST(IngestFrame, WritesAndReadsThePublishedBytes) {
  for (const auto& test : load_vectors("frames.json", "ingest_frames")) {
    const auto node = *NodeId::parse(test.at("node").get<std::string>());
    const auto records = to_records(test.at("records"));
    const auto bytes = encode_ingest_frame(node, test.at("previous"),
                                           static_cast<std::uint32_t>(records.size()), encode_all(records));
    EXPECT_EQ(to_hex(bytes), test.at("hex"));
    const auto frame = decode_ingest_frame(bytes);
    ASSERT_TRUE(frame) << error_of(frame);
    EXPECT_EQ(frame->node, node);
    EXPECT_EQ(frame->previous, test.at("previous").get<RecordNumber>());
    EXPECT_EQ(frame->records, records);
  }
}

TEST(IngestFrame, RefusesOtherBytes) {
  for (const auto& test : load_vectors("frames.json", "bad_ingest_frames")) {
    EXPECT_EQ(error_of(decode_ingest_frame(bytes_of(test))), test.at("error")) << test;
  }
}

TEST(IngestFrame, IsRefusedWhenCutAnywhere) {
  const auto bytes = first_bytes("ingest_frames");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_ingest_frame(std::string_view(bytes).substr(0, size))) << size;
  }
}

// The records are summed, the frame's head is not: TCP carries it, and a node or `previous` that is wrong
// asks for the records again.
TEST(IngestFrame, NeverDecodesToOtherRecords) {
  auto bytes = first_bytes("ingest_frames");
  const auto records = decode_ingest_frame(bytes)->records;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1U << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    const auto frame = decode_ingest_frame(bytes);
    if (frame) {
      EXPECT_EQ(frame->records, records) << bit;
    }
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
}

// A count that the bytes do not bear out must cost nothing.
TEST(IngestFrame, DoesNotBelieveItsCount) {
  const auto node = *NodeId::parse("0123456789abcdef");
  EXPECT_EQ(error_of(decode_ingest_frame(encode_ingest_frame(node, 0, UINT32_MAX, ""))),
            to_string(DecodeError::truncated));
}

TEST(NodeId, IsLowerCaseHexadecimal) {
  EXPECT_TRUE(NodeId::valid("0123456789abcdef"));
  for (const char* text : {"", "0123456789abcdeg", "0123456789ABCDEF", "0123456789abcdef0"}) {
    EXPECT_FALSE(NodeId::valid(text)) << text;
  }
}

std::vector<json> describe(const std::vector<Delivery>& deliveries) {
  std::vector<json> out;
  out.reserve(deliveries.size());
  for (const auto& one : deliveries) {
    out.push_back({{"qos", one.qos}, {"topic", one.topic}, {"payload_hex", to_hex(one.payload)}});
  }
  return out;
}

TEST(DeliverFrame, WritesAndReadsThePublishedBytes) {
  DeliverFrameBuilder builder;
  for (const auto& test : load_vectors("frames.json", "deliver_frames")) {
    for (const auto& one : test.at("deliveries")) {
      const auto topic = one.at("topic").get<std::string>();
      const auto payload = from_hex(one.at("payload_hex").get<std::string>());
      builder.add({one.at("qos"), topic, payload});
    }
    EXPECT_EQ(builder.count(), test.at("deliveries").size());
    EXPECT_EQ(builder.bytes(), bytes_of(test).size());
    const auto bytes = builder.take();
    EXPECT_EQ(to_hex(bytes), test.at("hex"));
    EXPECT_EQ(builder.count(), 0U);
    const auto deliveries = decode_deliver_frame(bytes);
    ASSERT_TRUE(deliveries) << error_of(deliveries);
    EXPECT_EQ(describe(*deliveries), test.at("deliveries").get<std::vector<json>>());
  }
}

TEST(DeliverFrame, RefusesOtherBytes) {
  for (const auto& test : load_vectors("frames.json", "bad_deliver_frames")) {
    EXPECT_EQ(error_of(decode_deliver_frame(bytes_of(test))), test.at("error")) << test;
  }
  const auto bytes = first_bytes("deliver_frames");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_deliver_frame(std::string_view(bytes).substr(0, size))) << size;
  }
}

TEST(DecodeError, HasAWordForEach) {
  EXPECT_EQ(to_string(DecodeError::truncated), "truncated");
  EXPECT_EQ(to_string(DecodeError::bad_size), "impossible size");
  EXPECT_EQ(to_string(DecodeError::bad_checksum), "wrong checksum");
  EXPECT_EQ(to_string(DecodeError::bad_content), "not of the format");
}

}  // namespace
}  // namespace duet
