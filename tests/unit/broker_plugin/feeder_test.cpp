#include "broker_plugin/feeder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/broker_plugin/recording_broker.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kWindow = 8;

class FeederTest : public testing::Test {
 protected:
  void append(int count, std::size_t payload_bytes = 10) {
    const std::string payload(payload_bytes, 'x');
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(journal_->append({0, Timestamp(std::chrono::milliseconds(1)), RecordKind::message, "alice",
                                    "phone", "bob", payload}));
    }
  }
  void reopen(std::size_t segment_bytes) {
    feeder_.reset();
    journal_.reset();
    options_.segment_bytes = segment_bytes;
    start();
  }
  void start() {
    journal_.emplace(options_);
    feeder_.emplace(0, *journal_, broker_, kWindow);
  }
  void control(IngestControl::Kind kind, RecordNumber n) {
    feeder_->on_control({journal_->node(), kind, n}, now_);
  }
  void from(RecordNumber n) { control(IngestControl::Kind::from, n); }
  void committed(RecordNumber n) { control(IngestControl::Kind::committed, n); }
  void come_from(RecordNumber n) {
    feeder_->store_came(now_);
    frames();
    from(n);
  }
  // The frames that were sent since the last call.
  std::vector<IngestFrame> frames() {
    std::vector<IngestFrame> out;
    for (const auto& message : broker_.take()) {
      EXPECT_EQ(message.topic, "ingest/0");
      EXPECT_EQ(message.qos, Qos::at_least_once);
      auto frame = decode_ingest_frame(message.payload);
      if (!frame) {
        ADD_FAILURE() << to_string(frame.error());
        continue;
      }
      EXPECT_TRUE(message.payload.size() <= kMaxIngestFrameBytes || frame->records.size() == 1);
      out.push_back(*std::move(frame));
    }
    return out;
  }
  std::vector<IngestFrame> tick() {
    feeder_->tick(now_);
    return frames();
  }
  // What is sent now, and when what waits has waited as long as it may.
  std::vector<IngestFrame> tick_until_gathered() {
    auto sent = tick();
    now_ += Feeder::kGather;
    for (auto& frame : tick()) sent.push_back(std::move(frame));
    return sent;
  }
  static std::vector<RecordNumber> numbers(const std::vector<IngestFrame>& frames) {
    std::vector<RecordNumber> out;
    for (const auto& frame : frames) {
      for (const auto& record : frame.records) out.push_back(record.n);
    }
    return out;
  }

  TemporaryDirectory directory_;
  JournalOptions options_{.directory = directory_.path() / "0", .boot_id = "boot"};
  RecordingBroker broker_;
  std::optional<Journal> journal_;
  std::optional<Feeder> feeder_;
  Feeder::Clock::time_point now_{};

  void SetUp() override { start(); }
};

TEST_F(FeederTest, SaysNothingWithoutAStore) {
  append(3);
  EXPECT_THAT(tick(), IsEmpty());
}

TEST_F(FeederTest, GreetsTheStoreAndWaitsForItsFrom) {
  append(3);
  feeder_->store_came(now_);
  const auto hello = frames();
  ASSERT_THAT(hello, SizeIs(1));
  EXPECT_EQ(hello[0].node, journal_->node());
  EXPECT_EQ(hello[0].previous, 3U);
  EXPECT_THAT(hello[0].records, IsEmpty());
  EXPECT_THAT(tick(), IsEmpty());
}

TEST_F(FeederTest, GreetsAgainWhenTheStoreDoesNotAnswer) {
  feeder_->store_came(now_);
  frames();
  now_ += Feeder::kFirstWait;
  EXPECT_THAT(tick(), SizeIs(1));
  now_ += Feeder::kFirstWait;
  EXPECT_THAT(tick(), IsEmpty());  // the wait has doubled
  now_ += Feeder::kFirstWait;
  EXPECT_THAT(tick(), SizeIs(1));
}

TEST_F(FeederTest, SendsEverythingFromTheGivenRecordOn) {
  append(5);
  come_from(3);
  const auto sent = tick();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].previous, 2U);
  EXPECT_THAT(numbers(sent), ElementsAre(3, 4, 5));
  append(1);
  const auto more = tick_until_gathered();
  ASSERT_THAT(more, SizeIs(1));
  EXPECT_EQ(more[0].previous, 5U);
  EXPECT_THAT(numbers(more), ElementsAre(6));
}

TEST_F(FeederTest, KeepsToItsWindowAndGathersMeanwhile) {
  come_from(1);
  for (int i = 0; i < 20; ++i) {
    append(1);
    feeder_->tick(now_);
    now_ += Feeder::kGather;
    feeder_->tick(now_);
  }
  EXPECT_EQ(feeder_->unconfirmed_frames(), kWindow);
  EXPECT_THAT(frames(), SizeIs(kWindow));
  committed(1);
  const auto next = tick();
  ASSERT_THAT(next, SizeIs(1));
  EXPECT_THAT(next[0].records, SizeIs(12));  // all that has gathered
  EXPECT_EQ(next[0].previous, 8U);
}

TEST_F(FeederTest, SendsAtOnceWhatComesWhileNothingIsUnconfirmed) {
  come_from(1);
  for (RecordNumber n = 1; n <= 5; ++n) {
    append(1);
    EXPECT_THAT(numbers(tick()), ElementsAre(n));  // no time has passed
    committed(n);
  }
}

TEST_F(FeederTest, GathersWhileAFrameIsUnconfirmed) {
  come_from(1);
  append(1);
  EXPECT_THAT(numbers(tick()), ElementsAre(1));
  append(1);
  EXPECT_THAT(tick(), IsEmpty());
  append(1);
  EXPECT_THAT(tick(), IsEmpty());
  committed(1);
  EXPECT_THAT(numbers(tick()), ElementsAre(2, 3));
}

TEST_F(FeederTest, GathersForAShortTimeOnly) {
  come_from(1);
  append(1);
  tick();
  append(1);
  EXPECT_THAT(tick(), IsEmpty());
  now_ += Feeder::kGather - std::chrono::microseconds(1);
  append(1);
  EXPECT_THAT(tick(), IsEmpty());
  now_ += std::chrono::microseconds(1);
  EXPECT_THAT(numbers(tick()), ElementsAre(2, 3));
  append(1);
  EXPECT_THAT(tick(), IsEmpty());  // its own time begins with it
  now_ += Feeder::kGather;
  EXPECT_THAT(numbers(tick()), ElementsAre(4));
}

TEST_F(FeederTest, GathersNoMoreThanSoManyRecords) {
  come_from(1);
  append(1);
  tick();
  append(static_cast<int>(Feeder::kGatherRecords) - 1);
  EXPECT_THAT(tick(), IsEmpty());
  append(1);
  const auto sent = tick();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].records, SizeIs(Feeder::kGatherRecords));
}

TEST_F(FeederTest, AFullWindowCountsAsGathering) {
  come_from(1);
  for (std::size_t i = 0; i < kWindow + 1; ++i) {
    append(1);
    tick_until_gathered();
  }
  ASSERT_EQ(feeder_->unconfirmed_frames(), kWindow);
  committed(1);
  EXPECT_THAT(numbers(tick()), ElementsAre(kWindow + 1));
}

TEST_F(FeederTest, StopsAtAJournalThatCannotBeRead) {
  append(2);
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
    if (entry.path().extension() == ".seg") std::filesystem::resize_file(entry.path(), 1);
  }
  come_from(1);
  EXPECT_THAT(tick(), IsEmpty());
  now_ += Feeder::kLongestWait;
  EXPECT_THAT(tick(), IsEmpty());
}

TEST_F(FeederTest, FramesFollowOnWithoutHoles) {
  reopen(100000);
  append(300, 1000);
  append(2, 60000);
  append(300, 1000);
  come_from(1);
  RecordNumber last = 0;
  while (last < journal_->last()) {
    const auto sent = tick();
    ASSERT_THAT(sent, testing::Not(IsEmpty()));
    for (const auto& frame : sent) {
      EXPECT_EQ(frame.previous, last);
      EXPECT_EQ(frame.records.front().n, last + 1);
      last = frame.records.back().n;
    }
    committed(last);
  }
  EXPECT_EQ(last, 602U);
}

TEST_F(FeederTest, SendsAgainWhatIsNotConfirmedInTime) {
  append(3);
  come_from(1);
  EXPECT_THAT(numbers(tick()), ElementsAre(1, 2, 3));
  now_ += Feeder::kFirstWait - std::chrono::milliseconds(1);
  EXPECT_THAT(tick(), IsEmpty());
  now_ += std::chrono::milliseconds(1);
  const auto again = tick();
  EXPECT_THAT(numbers(again), ElementsAre(1, 2, 3));
  EXPECT_EQ(again[0].previous, 0U);
  now_ += Feeder::kFirstWait;
  EXPECT_THAT(tick(), IsEmpty());  // the wait has doubled
}

TEST_F(FeederTest, ConfirmedFramesAreNotSentAgain) {
  come_from(1);
  append(2);
  tick();
  append(2);
  tick_until_gathered();
  committed(2);
  now_ += Feeder::kFirstWait;
  const auto again = tick();
  EXPECT_THAT(numbers(again), ElementsAre(3, 4));
  EXPECT_EQ(again[0].previous, 2U);
}

TEST_F(FeederTest, StopsWhenTheStoreIsGoneAndResumesWhereItSays) {
  append(3);
  come_from(1);
  tick();
  feeder_->store_left();
  append(3);
  EXPECT_THAT(tick(), IsEmpty());
  from(1);
  EXPECT_THAT(tick(), IsEmpty());  // nobody is subscribed
  come_from(3);
  EXPECT_THAT(numbers(tick()), ElementsAre(3, 4, 5, 6));
}

TEST_F(FeederTest, AFromInMidStreamStartsAgainThere) {
  append(5);
  come_from(1);
  tick();
  from(2);
  EXPECT_THAT(numbers(tick()), ElementsAre(2, 3, 4, 5));
}

TEST_F(FeederTest, AStoreAheadOfTheJournalMovesItForward) {
  append(3);
  come_from(51);
  EXPECT_THAT(tick(), IsEmpty());
  append(1);
  const auto sent = tick();
  EXPECT_THAT(numbers(sent), ElementsAre(51));
  EXPECT_EQ(sent[0].previous, 3U);  // not beyond the store's offset, so it follows on
}

TEST_F(FeederTest, ANumberOutOfReasonIsIgnored) {
  append(1);
  come_from(kMaxSeq);
  append(1);
  EXPECT_EQ(journal_->last(), 2U);
  EXPECT_THAT(tick(), IsEmpty());
}

TEST_F(FeederTest, AStoreThatAsksForRemovedRecordsGetsTheOldestAndIsTold) {
  reopen(100);
  append(5);
  EXPECT_FALSE(journal_->committed(3));
  come_from(2);
  const auto sent = tick();
  EXPECT_THAT(numbers(sent), ElementsAre(4, 5));
  EXPECT_EQ(sent[0].previous, 0U);
  EXPECT_EQ(sent[1].previous, 4U);
}

TEST_F(FeederTest, CommittedRecordsAreRemoved) {
  reopen(100);
  append(5);
  come_from(1);
  tick();
  committed(4);
  EXPECT_EQ(journal_->segment_count(), 1U);
}

TEST_F(FeederTest, WhatWasNeverWrittenIsNotBelievedToBeCommitted) {
  append(1);
  come_from(1);
  tick();
  committed(1000);
  append(1);
  EXPECT_THAT(numbers(tick()), ElementsAre(2));
}

TEST_F(FeederTest, AStoreThatSpeaksOfAnotherJournalIsGreeted) {
  append(1);
  come_from(1);
  tick();
  feeder_->on_control({*NodeId::parse("0000000000000000"), IngestControl::Kind::committed, 7}, now_);
  const auto hello = frames();
  ASSERT_THAT(hello, SizeIs(1));
  EXPECT_THAT(hello[0].records, IsEmpty());
}

TEST_F(FeederTest, ABootBetweenLeavesAChainWithoutHoles) {
  append(3);
  options_.boot_id = "another";
  reopen(options_.segment_bytes);
  append(2);
  come_from(3);
  const auto sent = tick();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].previous, 2U);
  EXPECT_EQ(sent[1].previous, 3U);
  EXPECT_THAT(numbers(sent), ElementsAre(3, 4 + (RecordNumber{1} << 32), 5 + (RecordNumber{1} << 32)));
}

}  // namespace
}  // namespace duet
