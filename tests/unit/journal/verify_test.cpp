#include "journal/verify.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/journal/journal_fixture.h"

namespace duet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class VerifyJournal : public JournalTest {
 protected:
  // Segments of a few records each.
  void fill(int count) {
    options_.segment_bytes = 300;
    auto journal = open();
    append(journal, count);
    segments_ = list_segments(options_.directory);
    ASSERT_GT(segments_.size(), 2U);
  }
  JournalVerified verify() const { return verify_journal(options_.directory); }
  void damage(RecordNumber first) const { alter_byte(first, kSegmentHeaderBytes + 20); }

  std::vector<RecordNumber> segments_;
};

TEST_F(VerifyJournal, FindsNothingInASoundOne) {
  fill(20);
  const auto verified = verify();
  EXPECT_THAT(verified.errors, IsEmpty());
  EXPECT_THAT(verified.warnings, IsEmpty());
  EXPECT_EQ(verified.records, 20U);
  EXPECT_EQ(verified.segments, segments_.size());
  EXPECT_EQ(verified.gone, 0U);
  EXPECT_EQ(verified.last, 20U);
}

TEST_F(VerifyJournal, ReadsBesideItsOwner) {
  options_.segment_bytes = 300;
  auto journal = open();
  append(journal, 20);
  ASSERT_FALSE(journal.committed(20));
  const auto verified = verify();
  EXPECT_THAT(verified.errors, IsEmpty());
  EXPECT_EQ(verified.node, journal.node());
  EXPECT_EQ(verified.last, 20U);
  EXPECT_GT(verified.gone, 0U);
  EXPECT_EQ(missing_records(verified, verified.gone), std::nullopt);
  EXPECT_THAT(missing_records(verified, 3),
              testing::Optional(HasSubstr("records 4 to " + std::to_string(verified.gone))));
}

TEST_F(VerifyJournal, AJumpIsNoHole) {
  fill(20);
  auto journal = open_after_boot();
  append(journal, 2);
  const auto verified = verify();
  EXPECT_THAT(verified.errors, IsEmpty());
  EXPECT_EQ(verified.records, 22U);
}

TEST_F(VerifyJournal, NamesFileAndOffsetOfDamage) {
  fill(20);
  damage(segments_[1]);
  EXPECT_THAT(verify().errors,
              ElementsAre(AllOf(HasSubstr(segment(segments_[1]).string()), HasSubstr("offset 48"))));
}

TEST_F(VerifyJournal, DamageInTheMiddleOfTheNewestIsNoTornTail) {
  {
    auto journal = open();
    append(journal, 5);
  }
  damage(1);
  EXPECT_THAT(verify().errors, ElementsAre(HasSubstr("offset 48")));
}

TEST_F(VerifyJournal, WarnsOfATornTailAndLeavesIt) {
  fill(20);
  const auto newest = segment(segments_.back());
  const auto size = file_size(newest) - 3;
  std::filesystem::resize_file(newest, size);
  const auto verified = verify();
  EXPECT_THAT(verified.errors, IsEmpty());
  EXPECT_THAT(verified.warnings, ElementsAre(AllOf(HasSubstr(newest.string()), HasSubstr("torn"))));
  EXPECT_EQ(verified.last, 19U);
  EXPECT_EQ(file_size(newest), size);
}

TEST_F(VerifyJournal, WarnsOfASegmentThatWasTornWhenItWasMade) {
  fill(20);
  std::ofstream(segment(21)).flush();
  EXPECT_THAT(verify().errors, IsEmpty());
  EXPECT_THAT(verify().warnings, ElementsAre(HasSubstr(segment(21).string())));
}

TEST_F(VerifyJournal, MissesASegment) {
  fill(20);
  std::filesystem::remove(segment(segments_[1]));
  EXPECT_THAT(verify().errors, ElementsAre(AllOf(HasSubstr(segment(segments_[2]).string()),
                                                 HasSubstr("records " + std::to_string(segments_[1])))));
}

TEST_F(VerifyJournal, KnowsASegmentOfAnotherJournal) {
  fill(20);
  write_file_atomically(options_.directory / "node", "0123456789abcdef");
  EXPECT_EQ(verify().errors.size(), segments_.size());
}

TEST_F(VerifyJournal, KnowsADirectoryThatIsNone) {
  std::filesystem::create_directories(options_.directory);
  EXPECT_THAT(verify().errors, ElementsAre(HasSubstr("node")));
  EXPECT_EQ(verify().node, std::nullopt);
}

}  // namespace
}  // namespace duet
