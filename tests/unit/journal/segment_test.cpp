#include "journal/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

const NodeId kNode = *NodeId::parse("0123456789abcdef");

std::string record(RecordNumber n) {
  std::string out;
  encode_record(
      {n, Timestamp(std::chrono::milliseconds(5)), RecordKind::message, "alice", "phone", "bob", "{}"}, out);
  return out;
}

std::string segment_bytes(RecordNumber first, RecordNumber last) {
  std::string bytes = encode_segment_header({kNode, first, first - 1});
  for (RecordNumber n = first; n <= last; ++n) bytes += record(n);
  return bytes;
}

class ScanSegment : public testing::Test {
 protected:
  std::optional<SegmentScan> scan(const std::string& bytes, RecordNumber first) {
    const auto path = directory_.path() / segment_file_name(first);
    write_file_atomically(path, bytes);
    return scan_segment(path, kNode, first);
  }

 private:
  TemporaryDirectory directory_;
};

TEST(SegmentHeaderForm, RoundTripsAndKeepsItsSize) {
  const auto bytes = encode_segment_header({kNode, 1000, 7});
  ASSERT_EQ(bytes.size(), kSegmentHeaderBytes);
  const auto header = decode_segment_header(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->node, kNode);
  EXPECT_EQ(header->first, 1000U);
  EXPECT_EQ(header->previous, 7U);
}

TEST(SegmentHeaderForm, EveryAlteredBitIsNoticed) {
  const auto bytes = encode_segment_header({kNode, 1000, 7});
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(decode_segment_header(altered)) << "byte " << i;
  }
  EXPECT_FALSE(decode_segment_header(std::string_view(bytes).substr(0, bytes.size() - 1)));
}

TEST(SegmentFileName, HoldsTheFirstNumberInTwentyDigits) {
  EXPECT_EQ(segment_file_name(42), "00000000000000000042.seg");
  EXPECT_EQ(parse_segment_file_name("00000000000000000042.seg"), 42U);
  for (const char* other :
       {"42.seg", "00000000000000000042.seg.new", "0000000000000000004x.seg", "node", ""}) {
    EXPECT_FALSE(parse_segment_file_name(other)) << other;
  }
}

TEST_F(ScanSegment, FindsTheLastRecord) {
  const auto bytes = segment_bytes(5, 9);
  const auto found = scan(bytes, 5);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->segment.last, 9U);
  EXPECT_EQ(found->segment.previous, 4U);
  EXPECT_EQ(found->segment.bytes, bytes.size());
  EXPECT_FALSE(found->damage);
}

TEST_F(ScanSegment, WithoutRecordsIsEmpty) {
  const auto found = scan(segment_bytes(5, 4), 5);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->segment.empty());
  EXPECT_EQ(found->segment.last, 4U);
}

TEST_F(ScanSegment, TellsATornTailFromDamageInTheMiddle) {
  const auto whole = segment_bytes(5, 9);
  const auto torn = scan(whole.substr(0, whole.size() - 3), 5);
  ASSERT_TRUE(torn && torn->damage);
  EXPECT_EQ(torn->segment.last, 8U);
  EXPECT_FALSE(torn->damage->whole_record_follows);

  auto altered = whole;
  const std::size_t third = kSegmentHeaderBytes + 2 * record(5).size();
  altered[third + 30] = static_cast<char>(altered[third + 30] ^ 1);
  const auto damaged = scan(altered, 5);
  ASSERT_TRUE(damaged && damaged->damage);
  EXPECT_EQ(damaged->damage->offset, third);
  EXPECT_TRUE(damaged->damage->whole_record_follows);
}

TEST_F(ScanSegment, AnAlteredSizeInTheMiddleIsNoTornTail) {
  auto altered = segment_bytes(5, 9);
  altered[kSegmentHeaderBytes + 2] = 1;  // the first record now claims 64 KiB more than the file has
  const auto found = scan(altered, 5);
  ASSERT_TRUE(found && found->damage);
  EXPECT_EQ(found->damage->error, DecodeError::truncated);
  EXPECT_TRUE(found->damage->whole_record_follows);
}

TEST_F(ScanSegment, AHoleInTheNumbersIsDamage) {
  const auto found = scan(segment_bytes(5, 6) + record(8), 5);
  ASSERT_TRUE(found && found->damage);
  EXPECT_EQ(found->damage->error, DecodeError::bad_content);
  EXPECT_TRUE(found->damage->whole_record_follows);
}

TEST_F(ScanSegment, RefusesAnotherNodeOrNumber) {
  EXPECT_FALSE(scan(segment_bytes(5, 9), 6));
  const auto other = encode_segment_header({*NodeId::parse("fedcba9876543210"), 5, 4});
  EXPECT_FALSE(scan(other, 5));
}

}  // namespace
}  // namespace duet
