// The checker must notice each violation that it is there for.

#include "tests/support/history_checker.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace duet {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Envelope message(Seq seq, const std::string& from, const std::string& to, const std::string& id) {
  return {.seq = seq,
          .id = *MessageId::parse(id),
          .from = *UserId::parse(from),
          .to = *UserId::parse(to),
          .ts = Timestamp(std::chrono::milliseconds(1000 + seq)),
          .type = "text/plain",
          .body = "body of " + id,
          .cursor = ""};
}

// alice says a1, a2; bob says b1 between them. Everything is right.
class HistoryChecker : public ::testing::Test {
 protected:
  HistoryChecker() {
    const std::vector<Envelope> all{message(1, "alice", "bob", "a1"), message(2, "bob", "alice", "b1"),
                                    message(3, "alice", "bob", "a2")};
    const MarksTold end{"bob", 3, 2};
    alice_ = {.user = "alice",
              .devices = {{.published = {{"a1", "body of a1", true}, {"a2", "body of a2", true}},
                           .live = all,
                           .synced = {},
                           .marks = {{"bob", 1, 0}, end},
                           .synced_marks = {},
                           .acknowledged_marks = {},
                           .foreign = {}}},
              .history = all,
              .mine = MarksTold{"alice", 0, 0},
              .theirs = end};
    bob_ = {.user = "bob",
            .devices = {{.published = {{"b1", "body of b1", true}},
                         .live = {all[0]},
                         .synced = {all[1], all[2]},
                         .marks = {},
                         .synced_marks = {end},
                         .acknowledged_marks = end,
                         .foreign = {}}},
            .history = all,
            .mine = end,
            .theirs = MarksTold{"alice", 0, 0}};
  }
  std::vector<std::string> check() const {
    std::vector<std::string> texts;
    for (const Violation& violation : check_conversation(alice_, bob_)) {
      texts.push_back(std::string(to_string(violation.law)) + ": " + violation.what);
    }
    return texts;
  }
  void expect(const std::string& violation) const { EXPECT_THAT(check(), Contains(HasSubstr(violation))); }

  UserRecord alice_;
  UserRecord bob_;
};

TEST_F(HistoryChecker, AcceptsWhatIsRight) {
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(HistoryChecker, AcceptsRepeatsAndUnacknowledgedLoss) {
  alice_.devices[0].live.push_back(alice_.history[0]);
  alice_.devices[0].live.back().duplicate = true;
  alice_.devices[0].published.push_back({"a3", "never arrived", false});
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(HistoryChecker, NoticesAcknowledgedLoss) {
  alice_.devices[0].published.push_back({"a3", "x", true});
  expect("kept: acknowledged, yet lost: alice/a3");
}

TEST_F(HistoryChecker, NoticesAHole) {
  for (UserRecord* side : {&alice_, &bob_}) side->history.back().seq = 4;
  expect("dense: seq 3 is missing");
}

TEST_F(HistoryChecker, NoticesAMessageStoredTwice) {
  for (UserRecord* side : {&alice_, &bob_}) side->history.push_back(message(4, "alice", "bob", "a1"));
  expect("once: stored twice: #4 alice/a1");
}

TEST_F(HistoryChecker, NoticesTheWrongOrderOfASender) {
  std::swap(alice_.devices[0].published[0], alice_.devices[0].published[1]);
  expect("sender order: out of the sender's order");
}

TEST_F(HistoryChecker, NoticesSidesThatDisagree) {
  bob_.history[1].body = "changed";
  expect("one order: the two sides disagree");
  bob_.history.pop_back();
  expect("3 and 2 messages");
}

TEST_F(HistoryChecker, NoticesAnotherBodyAndInventions) {
  alice_.devices[0].published[0].body = "what I really said";
  expect("kept: another body: #1");
  bob_.devices[0].published.clear();
  expect("published: nobody published #2 bob/b1");
}

TEST_F(HistoryChecker, NoticesTimeGoingBack) {
  for (UserRecord* side : {&alice_, &bob_}) side->history[2].ts = Timestamp(std::chrono::milliseconds(1));
  expect("time: ts goes back at #3");
}

TEST_F(HistoryChecker, NoticesWhatADeviceNeverSaw) {
  bob_.devices[0].synced.pop_back();
  expect("complete: bob never saw #3");
}

TEST_F(HistoryChecker, NoticesDisorderOnAConnectionAndChangedContent) {
  std::swap(alice_.devices[0].live[1], alice_.devices[0].live[2]);
  expect("stream order: alice live saw #2 bob/b1 after #3");
  alice_.devices[0].live[0].body = "something else";
  expect("stored first: alice live saw what is not stored: #1");
}

TEST_F(HistoryChecker, AcceptsARepeatedMark) {
  alice_.devices[0].marks.push_back(alice_.devices[0].marks[0]);
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(HistoryChecker, NoticesMarksThatGoBack) {
  alice_.devices[0].marks.push_back({"bob", 2, 2});
  expect("marks ascend: alice live saw marks go back: bob 3/2 and then bob 2/2");
  bob_.devices[0].synced_marks.push_back({"bob", 3, 1});
  expect("bob sync saw marks go back");
}

TEST_F(HistoryChecker, NoticesMarksOutOfBounds) {
  alice_.devices[0].marks.push_back({"bob", 4, 3});
  expect("marks bounded: alice live saw marks beyond the last message: bob 4/3");
  alice_.devices[0].marks.back() = {"bob", 3, 4};
  expect("more read than delivered: bob 3/4");
  bob_.mine = MarksTold{"bob", 5, 5};
  expect("bob at the end saw marks beyond the last message");
}

TEST_F(HistoryChecker, NoticesALostReceipt) {
  bob_.devices[0].acknowledged_marks.read = 3;
  expect("receipt kept: an acknowledged receipt is lost: bob told bob 3/3 and the store has bob 3/2");
}

TEST_F(HistoryChecker, NoticesSidesThatDisagreeOnMarks) {
  alice_.theirs->read = 1;
  expect("marks agree: the two sides disagree on the marks of bob: bob 3/2 and bob 3/1");
}

TEST_F(HistoryChecker, NoticesWhatReachesAThirdUser) {
  alice_.devices[0].synced.push_back(message(1, "carol", "bob", "c1"));
  expect("two parties: alice saw what is not for them: #1 carol/c1");
  bob_.devices[0].marks.push_back({"carol", 1, 1});
  expect("bob saw what is not for them: marks of carol");
  bob_.devices[0].foreign.emplace_back("u/carol/in/bob/msg");
  expect("bob saw what is not for them: u/carol/in/bob/msg");
}

TEST_F(HistoryChecker, ManyViolationsOfOneLawHideNoOther) {
  for (int i = 0; i < 200; ++i) alice_.devices[0].synced.push_back(message(1, "carol", "bob", "c1"));
  const auto violations = check_conversation(alice_, bob_);
  for (const Law law : {Law::stored_first, Law::two_parties}) {
    EXPECT_EQ(std::ranges::count(violations, law, &Violation::law), 50) << to_string(law);
  }
}

TEST(Tally, CountsEveryLawOnce) {
  std::vector<Violation> all;
  for (int law = 0; law <= static_cast<int>(Law::two_parties); ++law) {
    all.push_back({static_cast<Law>(law), "what"});
  }
  const Tally sum = tally(all);
  EXPECT_EQ(sum.lost, 3U);
  EXPECT_EQ(sum.duplicated, 1U);
  EXPECT_EQ(sum.out_of_order, 4U);
  EXPECT_EQ(sum.lost + sum.duplicated + sum.out_of_order + sum.other, all.size());
}

}  // namespace
}  // namespace duet
