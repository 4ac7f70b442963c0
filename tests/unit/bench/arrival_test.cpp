#include "bench/arrival.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/envelope.h"

namespace duet {
namespace {

const std::string kMarker = message_marker("run1");

Envelope envelope(const std::string& id, Seq seq) {
  return {.seq = seq,
          .id = *MessageId::parse(id),
          .from = *UserId::parse("bench-run1-42a"),
          .to = *UserId::parse("bob"),
          .ts = {},
          .type = "text/plain",
          .body = "xxxx",
          .cursor = "e.1"};
}

TEST(FindNumber, ReadsTheIdOfAnEnvelope) {
  const std::string payload = format_envelope(envelope(message_id_prefix(kMarker, 42) + "0000000007", 3));
  const auto found = find_number(payload, kMarker);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pair, 42u);
  EXPECT_EQ(found->number, 7u);
  EXPECT_EQ(find_seq(payload), 3u);
}

TEST(FindNumber, FindsNothingInOtherPayloads) {
  EXPECT_FALSE(find_number(R"({"id":"run2.000042.0000000007"})", kMarker));
  EXPECT_FALSE(find_number("run1.000042.000000000", kMarker));
  EXPECT_FALSE(find_number("run1.00004x.0000000007", kMarker));
  EXPECT_FALSE(find_number("", kMarker));
  EXPECT_EQ(find_seq(R"({"body":"x"})"), 0u);
}

TEST(Stream, FindsNoFaultInOrder) {
  Stream stream;
  Faults faults;
  EXPECT_EQ(stream.take(0, faults), 1u);
  EXPECT_EQ(stream.take(1, faults), 1u);
  stream.take_seq(1, faults);
  stream.take_seq(2, faults);
  EXPECT_EQ(faults.total(), 0u);
}

TEST(Stream, CountsWhatIsMissing) {
  Stream stream;
  Faults faults;
  EXPECT_EQ(stream.take(2, faults), 3u);
  EXPECT_EQ(faults.missing, 2u);
  EXPECT_EQ(faults.total(), 2u);
}

TEST(Stream, CountsWhatComesAgainOrLate) {
  Stream stream;
  Faults faults;
  stream.take(0, faults);
  EXPECT_EQ(stream.take(0, faults), 0u);
  EXPECT_EQ(faults.repeated, 1u);
  EXPECT_EQ(stream.next(), 1u);
}

TEST(Stream, CountsASeqThatDoesNotFollow) {
  Stream stream;
  Faults faults;
  stream.take_seq(1, faults);
  stream.take_seq(1, faults);
  stream.take_seq(3, faults);
  EXPECT_EQ(faults.misnumbered, 2u);
}

}  // namespace
}  // namespace duet
