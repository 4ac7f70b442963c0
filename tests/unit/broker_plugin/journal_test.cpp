#include "broker_plugin/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "tests/unit/broker_plugin/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr RecordNumber kJump = RecordNumber{1} << 32;

RecordView message(std::string_view payload) {
  return {0, Timestamp(std::chrono::milliseconds(1)), RecordKind::message, "alice", "phone", "bob", payload};
}

std::vector<RecordNumber> numbers_in(const JournalBatch& batch) {
  std::vector<RecordNumber> numbers;
  std::string_view rest = batch.records;
  while (const auto record = decode_record(rest)) {
    numbers.push_back(record->record.n);
    rest.remove_prefix(record->bytes);
  }
  return numbers;
}

// Every record from `n` on, as a feeder reads them.
std::vector<RecordNumber> read_from(Journal& journal, RecordNumber n,
                                    std::size_t max_bytes = kMaxIngestFrameBytes) {
  std::vector<RecordNumber> all;
  auto position = journal.seek(n);
  while (true) {
    const auto batch = journal.read(position, max_bytes);
    if (batch.count == 0) return all;
    for (const auto number : numbers_in(batch)) all.push_back(number);
    position = batch.next;
  }
}

// The size of files that this process may write is limited for as long as this lives: a full disk, made
// cheaply.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

class JournalTest : public testing::Test {
 protected:
  Journal open() { return Journal(options_); }
  Journal open_after_boot() {
    options_.boot_id += '+';
    return Journal(options_);
  }
  static void append(Journal& journal, int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(journal.append(message("{\"body\":\"x\"}")));
  }
  std::filesystem::path segment(RecordNumber first) const {
    return options_.directory / segment_file_name(first);
  }
  void alter_byte(RecordNumber first, std::size_t offset) const {
    auto bytes = read_file(segment(first));
    bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 1);
    write_file_atomically(segment(first), bytes);
  }
  std::string failure_of_opening() {
    try {
      open();
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  }

 private:
  TemporaryDirectory temporary_;

 protected:
  JournalOptions options_{.directory = temporary_.path() / "journal" / "0", .boot_id = "boot"};
};

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

TEST_F(JournalTest, NumbersJumpWhenTheMachineWasBooted) {
  {
    auto journal = open();
    append(journal, 3);
  }
  auto journal = open_after_boot();
  EXPECT_EQ(journal.last(), 3U);
  EXPECT_EQ(journal.next_number(), 4 + kJump);
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3, 4 + kJump));
}

TEST_F(JournalTest, AJumpIsNotForgottenWithoutAppends) {
  {
    auto journal = open();
    append(journal, 3);
  }
  open_after_boot();
  auto journal = open();
  EXPECT_EQ(journal.next_number(), 4 + kJump);
  EXPECT_EQ(journal.last(), 3U);
}

TEST_F(JournalTest, JumpsAgainWithEveryBoot) {
  open();
  open_after_boot();
  auto journal = open_after_boot();
  EXPECT_EQ(journal.next_number(), 2 * kJump + 1);
  append(journal, 2);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(2 * kJump + 1, 2 * kJump + 2));
}

TEST_F(JournalTest, ATailTornAtAnyByteIsCutAndTheNumbersJump) {
  std::size_t two = 0;
  std::string three_records;
  {
    auto journal = open();
    append(journal, 2);
    two = read_file(segment(1)).size();
    append(journal, 1);
    three_records = read_file(segment(1));
  }
  for (std::size_t size = two + 1; size < three_records.size(); ++size) {
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
      if (entry.path().extension() == ".seg") std::filesystem::remove(entry.path());
    }
    write_file_atomically(segment(1), three_records.substr(0, size));
    auto journal = open();
    ASSERT_THAT(journal.repairs(), ElementsAre(HasSubstr("offset " + std::to_string(two))));
    append(journal, 1);
    ASSERT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3 + kJump)) << "torn at " << size;
    ASSERT_EQ(read_file(segment(1)).size(), two);
  }
}

TEST_F(JournalTest, ATailOfZerosIsCut) {
  {
    auto journal = open();
    append(journal, 2);
  }
  std::filesystem::resize_file(segment(1), read_file(segment(1)).size() + 4096);
  auto journal = open();
  EXPECT_THAT(journal.repairs(), SizeIs(1));
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2));
}

TEST_F(JournalTest, DamageInTheMiddleStopsTheOpeningAndIsNamed) {
  std::size_t record_bytes = 0;
  {
    auto journal = open();
    append(journal, 3);
    record_bytes = (read_file(segment(1)).size() - kSegmentHeaderBytes) / 3;
  }
  for (std::size_t i = 0; i < record_bytes; ++i) {
    const std::size_t second = kSegmentHeaderBytes + record_bytes;
    alter_byte(1, second + i);
    const auto failure = failure_of_opening();
    ASSERT_THAT(failure, HasSubstr(segment(1).string())) << "byte " << i;
    ASSERT_THAT(failure, HasSubstr("offset " + std::to_string(second))) << "byte " << i;
    alter_byte(1, second + i);
  }
  auto journal = open();
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3));
}

TEST_F(JournalTest, ATornTailInAnOlderSegmentIsDamage) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 3);
    ASSERT_GT(journal.segment_count(), 1U);
  }
  std::filesystem::resize_file(segment(1), read_file(segment(1)).size() - 1);
  EXPECT_THAT(failure_of_opening(), HasSubstr(segment(1).string()));
}

TEST_F(JournalTest, AMissingSegmentIsNoticed) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 3);
  }
  std::filesystem::remove(segment(2));
  EXPECT_THAT(failure_of_opening(), HasSubstr("missing"));
}

TEST_F(JournalTest, AMissingNodeFileIsNoticed) {
  {
    auto journal = open();
    append(journal, 1);
  }
  std::filesystem::remove(options_.directory / "node");
  EXPECT_THAT(failure_of_opening(), HasSubstr("node is missing"));
}

TEST_F(JournalTest, ASegmentThatWasTornWhenItWasMadeIsRemoved) {
  {
    auto journal = open();
    append(journal, 3);
  }
  write_file_atomically(segment(4), std::string(20, '\0'));
  auto journal = open();
  EXPECT_THAT(journal.repairs(), ElementsAre(HasSubstr("removed")));
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2, 3, 4 + kJump));
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

TEST_F(JournalTest, AJumpIsNoMissingRecord) {
  {
    auto journal = open();
    append(journal, 3);
  }
  auto journal = open_after_boot();
  append(journal, 1);
  EXPECT_FALSE(journal.committed(3));
  const auto position = journal.seek(4);
  EXPECT_TRUE(position.after_is_known);
  EXPECT_EQ(position.after, 3U);
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

TEST_F(JournalTest, ReadingNoticesWhatTheDiskAltered) {
  auto journal = open();
  append(journal, 3);
  const std::size_t record_bytes = (read_file(segment(1)).size() - kSegmentHeaderBytes) / 3;
  {
    std::fstream file(segment(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(kSegmentHeaderBytes + record_bytes + 30));
    file.put('!');
  }
  const auto batch = journal.read(journal.seek(1), 1000);
  EXPECT_THAT(numbers_in(batch), ElementsAre(1));
  EXPECT_THROW(journal.read(batch.next, 1000), JournalError);
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

TEST_F(JournalTest, WhatWasAppendedOutlivesKillOfTheProcess) {
  options_.segment_bytes = 1000;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto journal = open();
    for (int i = 0; i < 100; ++i) {
      if (!journal.append(message("{}"))) ::_exit(1);
    }
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ready[0]);
  ::close(ready[1]);

  auto journal = open();
  EXPECT_THAT(read_from(journal, 1), SizeIs(100));
  EXPECT_EQ(journal.next_number(), 101U);
}

}  // namespace
}  // namespace duet
