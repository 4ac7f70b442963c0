#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <limits>
#include <string>

#include "journal/journal.h"
#include "tests/unit/journal/journal_fixture.h"

namespace duet {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class JournalRecovery : public JournalTest {};

TEST_F(JournalRecovery, NumbersJumpWhenTheMachineWasBooted) {
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

TEST_F(JournalRecovery, AJumpIsNotForgottenWithoutAppends) {
  {
    auto journal = open();
    append(journal, 3);
  }
  open_after_boot();
  auto journal = open();
  EXPECT_EQ(journal.next_number(), 4 + kJump);
  EXPECT_EQ(journal.last(), 3U);
}

TEST_F(JournalRecovery, JumpsAgainWithEveryBoot) {
  open();
  open_after_boot();
  auto journal = open_after_boot();
  EXPECT_EQ(journal.next_number(), 2 * kJump + 1);
  append(journal, 2);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(2 * kJump + 1, 2 * kJump + 2));
}

TEST_F(JournalRecovery, ATailTornAtAnyByteIsCutAndTheNumbersJump) {
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

TEST_F(JournalRecovery, ATailOfZerosIsCut) {
  {
    auto journal = open();
    append(journal, 2);
  }
  std::filesystem::resize_file(segment(1), read_file(segment(1)).size() + 4096);
  auto journal = open();
  EXPECT_THAT(journal.repairs(), SizeIs(1));
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2));
}

TEST_F(JournalRecovery, DamageInTheMiddleStopsTheOpeningAndIsNamed) {
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

TEST_F(JournalRecovery, ATornTailInAnOlderSegmentIsDamage) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 3);
    ASSERT_GT(journal.segment_count(), 1U);
  }
  std::filesystem::resize_file(segment(1), read_file(segment(1)).size() - 1);
  EXPECT_THAT(failure_of_opening(), HasSubstr(segment(1).string()));
}

TEST_F(JournalRecovery, AMissingSegmentIsNoticed) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 3);
  }
  std::filesystem::remove(segment(2));
  EXPECT_THAT(failure_of_opening(), HasSubstr("missing"));
}

TEST_F(JournalRecovery, NumbersThatWouldWrapAroundAreRefused) {
  const auto node = std::string(open().node());
  constexpr auto kHighest = std::numeric_limits<RecordNumber>::max();
  std::filesystem::remove(segment(1));
  auto content = encode_segment_header({*NodeId::parse(node), kHighest, 0});
  RecordView record = message("{}");
  record.n = kHighest;
  encode_record(record, content);
  write_file_atomically(segment(kHighest), content);

  EXPECT_THAT(failure_of_opening(), HasSubstr(segment_file_name(kHighest)));
  EXPECT_EQ(read_file(segment(kHighest)), content);
}

TEST_F(JournalRecovery, AMissingNodeFileIsNoticed) {
  {
    auto journal = open();
    append(journal, 1);
  }
  std::filesystem::remove(options_.directory / "node");
  EXPECT_THAT(failure_of_opening(), HasSubstr("node is missing"));
}

TEST_F(JournalRecovery, ASegmentThatWasTornWhenItWasMadeIsRemoved) {
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

TEST_F(JournalRecovery, AfterAPowerCutItEndsBeforeAHole) {
  std::size_t record_bytes = 0;
  {
    auto journal = open();
    append(journal, 3);
    record_bytes = (read_file(segment(1)).size() - kSegmentHeaderBytes) / 3;
  }
  const std::size_t second = kSegmentHeaderBytes + record_bytes;
  alter_byte(1, second + 20);
  const auto tail = read_file(segment(1)).substr(second);
  auto journal = open_after_boot();
  EXPECT_THAT(journal.repairs(), Contains(HasSubstr("offset " + std::to_string(second))));
  EXPECT_EQ(read_file(segment(1).string() + "." + std::to_string(second) + ".lost"), tail);
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 2 + kJump));
}

TEST_F(JournalRecovery, AfterAPowerCutNothingThatFollowsAHoleBelongsToIt) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 5);
    ASSERT_GT(journal.segment_count(), 3U);
  }
  std::filesystem::resize_file(segment(2), read_file(segment(2)).size() - 1);
  std::filesystem::resize_file(segment(4), 0);
  {
    auto journal = open_after_boot();
    append(journal, 1);
    EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 5 + kJump));
  }
  EXPECT_TRUE(std::filesystem::exists(segment(3).string() + ".lost"));
  auto journal = open();
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 5 + kJump));
}

TEST_F(JournalRecovery, AfterAPowerCutASegmentMayBeMissing) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 3);
  }
  std::filesystem::remove(segment(2));
  auto journal = open_after_boot();
  append(journal, 1);
  EXPECT_THAT(read_from(journal, 1), ElementsAre(1, 3 + kJump));
}

TEST_F(JournalRecovery, WhenEveryRecordWasSyncedAHoleIsDamageAlsoAfterAPowerCut) {
  options_.sync = JournalSync::always;
  std::size_t record_bytes = 0;
  {
    auto journal = open();
    append(journal, 3);
    record_bytes = (read_file(segment(1)).size() - kSegmentHeaderBytes) / 3;
  }
  alter_byte(1, kSegmentHeaderBytes + record_bytes + 20);
  options_.boot_id += '+';
  EXPECT_THAT(failure_of_opening(), HasSubstr(segment(1).string()));
}

// Everything before it was committed and removed; its number was given, and is not given again.
TEST_F(JournalRecovery, TheNumbersOfATornOnlySegmentAreNotGivenAgain) {
  options_.segment_bytes = 100;
  {
    auto journal = open();
    append(journal, 4);
    EXPECT_FALSE(journal.committed(3));
    ASSERT_EQ(journal.segment_count(), 1U);
  }
  std::filesystem::resize_file(segment(4), 0);
  auto journal = open_after_boot();
  EXPECT_EQ(journal.next_number(), 4 + kJump);
}

TEST_F(JournalRecovery, AJumpIsNoMissingRecord) {
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

TEST_F(JournalRecovery, ReadingNoticesWhatTheDiskAltered) {
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

TEST_F(JournalRecovery, WhatWasAppendedOutlivesKillOfTheProcess) {
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
