#include "journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/unit/file_size_limit.h"
#include "tests/unit/journal/journal_fixture.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(JournalTest, NumbersFromOneWithoutHoles) {
  auto journal = open();
  EXPECT_EQ(journal.last(), 0U);
  append(journal, 3);
  EXPECT_EQ(journal.last(), 3U);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(read_from(journal, 3), ElementsAre(3));
  EXPECT_THAT(read_from(journal, 4), IsEmpty());
}

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  auto journal = open();
  ASSERT_TRUE(journal.append(
      {9, Timestamp(std::chrono::milliseconds(77)), RecordKind::receipt, "al", "d", "bo", "p"}));
  const auto batch = journal.read(journal.seek(1), 1000);
  const auto decoded = decode_record(batch.records);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->record,
            (Record{1, Timestamp(std::chrono::milliseconds(77)), RecordKind::receipt, *UserId::parse("al"),
                    *DeviceId::parse("d"), *UserId::parse("bo"), "p"}));
}

TEST_F(JournalTest, GoesOnWhereItStoppedWhenOpenedAgain) {
  std::optional<NodeId> node;
  {
    auto journal = open();
    node = journal.node();
    append(journal, 3);
  }
  auto journal = open();
  EXPECT_EQ(journal.node(), *node);
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(journal.repairs(), IsEmpty());
}

TEST_F(JournalTest, TwoDirectoriesAreTwoNodes) {
  const auto node = open().node();
  options_.directory = options_.directory.parent_path() / "1";
  EXPECT_NE(open().node(), node);
}

TEST_F(JournalTest, IsInUseByOneOnly) {
  const auto journal = open();
  EXPECT_THAT(failure_of_opening(), HasSubstr("in use by another process"));
}

TEST_F(JournalTest, RollsOverToNewSegmentsAndReadsAcross) {
  options_.segment_bytes = 200;
  {
    auto journal = open();
    append(journal, 20);
    EXPECT_GT(journal.segment_count(), 5U);
    EXPECT_THAT(read_from(journal, 1), SizeIs(20));
  }
  auto journal = open();
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), SizeIs(21));
  EXPECT_THAT(read_from(journal, 20), ElementsAre(20, 21));
}

TEST_F(JournalTest, RemovesCommittedSegmentsButNeverTheNewest) {
  options_.segment_bytes = 100;  // a segment holds one record
  auto journal = open();
  append(journal, 5);
  EXPECT_FALSE(journal.committed(2));
  EXPECT_EQ(journal.segment_count(), 3U);
  EXPECT_FALSE(std::filesystem::exists(segment(2)));
  EXPECT_THAT(read_from(journal, 3), ElementsAre(3, 4, 5));
  EXPECT_FALSE(journal.committed(5));
  EXPECT_EQ(journal.segment_count(), 1U);
  append(journal, 1);
  EXPECT_EQ(journal.last(), 6U);
}

TEST_F(JournalTest, NumbersGoOnAfterEverythingWasCommitted) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 5);
    EXPECT_FALSE(journal.committed(5));
  }
  auto journal = open();
  EXPECT_EQ(journal.next_number(), 6U);
}

TEST_F(JournalTest, APlaceOutlivesTheRemovalOfItsSegment) {
  options_.segment_bytes = 100;
  auto journal = open();
  append(journal, 2);
  const auto first = journal.read(journal.seek(1), 1000);
  append(journal, 1);
  EXPECT_FALSE(journal.committed(2));
  const auto next = journal.read(first.next, 1000);
  EXPECT_THAT(numbers_in(next), ElementsAre(3));
}

TEST_F(JournalTest, SeekTellsWhenRecordsAreGone) {
  options_.segment_bytes = 100;
  auto journal = open();
  append(journal, 5);
  EXPECT_FALSE(journal.committed(3));
  EXPECT_FALSE(journal.seek(3).after_is_known);
  EXPECT_TRUE(journal.seek(4).after_is_known);
  EXPECT_EQ(journal.seek(4).after, 3U);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(4, 5));
}

TEST_F(JournalTest, BatchesKeepToTheirSizeExceptForOneLargeRecord) {
  auto journal = open();
  append(journal, 10);
  const std::string large(60000, 'x');
  ASSERT_TRUE(journal.append(message(large)));
  append(journal, 1);

  auto batch = journal.read(journal.seek(1), 200);
  EXPECT_LE(batch.records.size(), 200U);
  EXPECT_GE(batch.count, 2U);
  batch = journal.read(journal.seek(10), kMaxIngestFrameBytes);
  EXPECT_THAT(numbers_in(batch), ElementsAre(10));
  batch = journal.read(batch.next, kMaxIngestFrameBytes);
  EXPECT_THAT(numbers_in(batch), ElementsAre(11));
  EXPECT_GT(batch.records.size(), large.size());
  EXPECT_THAT(read_from(journal, 1), SizeIs(12));
}

TEST_F(JournalTest, MovesForwardToTheNumberThatIsAskedFor) {
  auto journal = open();
  append(journal, 3);
  journal.jump_to(100);
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3, 100));
}

TEST_F(JournalTest, AFullDiskRefusesAndWhatFollowsIsWhole) {
  auto journal = open();
  append(journal, 2);
  const std::size_t full = read_file(segment(1)).size();
  {
    const FileSizeLimit limit(full + 20);  // a part of the record fits
    const auto refused = journal.append(message("{\"body\":\"x\"}"));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error(), HasSubstr(segment(1).string()));
  }
  EXPECT_EQ(read_file(segment(1)).size(), full);
  EXPECT_EQ(journal.last(), 2U);
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3));
}

TEST_F(JournalTest, AFullDiskAtTheRollOverRefusesAndIsTriedAgain) {
  options_.segment_bytes = 100;
  auto journal = open();
  append(journal, 1);
  {
    const FileSizeLimit limit(10);
    EXPECT_FALSE(journal.append(message("{\"body\":\"x\"}")));
  }
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2));
}

TEST_F(JournalTest, EverySyncModeKeepsTheRecords) {
  options_.sync_interval = std::chrono::milliseconds(1);
  options_.segment_bytes = 1000;
  RecordNumber expected = 0;
  for (const auto sync : {JournalSync::none, JournalSync::interval, JournalSync::always}) {
    options_.sync = sync;
    auto journal = open();
    append(journal, 50);
    expected += 50;
    EXPECT_EQ(journal.last(), expected);
    EXPECT_FALSE(journal.sync_failure());
  }
  auto journal = open();
  EXPECT_THAT(read_from(journal, 1), SizeIs(expected));
}

}  // namespace
}  // namespace duet
