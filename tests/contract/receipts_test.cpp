// What WriteTransaction::raise_marks promises.
#include <algorithm>

#include "tests/contract/contract.h"

namespace duet {
namespace {

using Outcome = RaisedMarks::Outcome;

class Receipts : public StoreContract {};

INSTANTIATE_TEST_SUITE_P(Writing, Receipts, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Receipts, MarksRiseAndNeverGoBack) {
  append_many("alice", "bob", 5);
  const RaisedMarks first = raise("bob", "alice", {3, 2});
  EXPECT_EQ(first.outcome, Outcome::raised);
  EXPECT_EQ(first.marks, (Marks{3, 2}));
  const RaisedMarks lower = raise("bob", "alice", {1, 1});
  EXPECT_EQ(lower.outcome, Outcome::unchanged);
  EXPECT_EQ(lower.marks, (Marks{3, 2}));
  EXPECT_EQ(lower.log_number, first.log_number);
  const RaisedMarks mixed = raise("bob", "alice", {5, 1});
  EXPECT_EQ(mixed.outcome, Outcome::raised);
  EXPECT_EQ(mixed.marks, (Marks{5, 2}));
}

TEST_P(Receipts, ReadImpliesDelivered) {
  append_many("alice", "bob", 5);
  EXPECT_EQ(raise("bob", "alice", {0, 4}).marks, (Marks{4, 4}));
  EXPECT_EQ(raise("bob", "alice", {3, 0}).outcome, Outcome::unchanged);
}

TEST_P(Receipts, MarksBeyondTheLastMessageAreNotFound) {
  append_many("alice", "bob", 2);
  EXPECT_EQ(raise("bob", "alice", {3, 0}).outcome, Outcome::not_found);
  EXPECT_EQ(raise("bob", "alice", {2, 3}).outcome, Outcome::not_found);
  EXPECT_EQ(raise("bob", "alice", {2, 2}).outcome, Outcome::raised);
  EXPECT_EQ(raise("bob", "alice", {kMaxSeq, 0}).outcome, Outcome::not_found);
}

TEST_P(Receipts, MarksWithoutAConversationAreNotFound) {
  append_many("alice", "bob", 1);
  EXPECT_EQ(raise("carol", "alice", {1, 0}).outcome, Outcome::not_found);
  EXPECT_EQ(raise("alice", "nobody", {1, 0}).outcome, Outcome::not_found);
  EXPECT_EQ(raise("alice", "alice", {1, 0}).outcome, Outcome::not_found);
}

TEST_P(Receipts, MarksOfTheTwoSidesAreIndependent) {
  append_many("alice", "bob", 3);
  raise("bob", "alice", {3, 1});
  EXPECT_EQ(raise("alice", "bob", {2, 0}).marks, (Marks{2, 0}));
  const auto page = reader()->conversations(user("alice"), {}, 1, kNoByteLimit);
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(page.items[0].summary.mine, (Marks{2, 0}));
  EXPECT_EQ(page.items[0].summary.theirs, (Marks{3, 1}));
}

TEST_P(Receipts, MarksCanBeRaisedForMessagesOfTheSameTransaction) {
  const auto transaction = database().begin();
  transaction->append(message("alice", "bob", "a1"));
  EXPECT_EQ(transaction->raise_marks(user("bob"), user("alice"), {1, 1}).outcome, Outcome::raised);
  EXPECT_EQ(transaction->raise_marks(user("bob"), user("alice"), {1, 1}).outcome, Outcome::unchanged);
  transaction->commit();
  EXPECT_EQ(raise("bob", "alice", {1, 1}).outcome, Outcome::unchanged);
}

// Alternating runs, so that the read mark falls on messages of both sides, old and new.
TEST_P(Receipts, UnreadCountsThePeersMessagesAfterMyReadMark) {
  std::vector<bool> by_alice;
  for (int i = 0; i < 75; ++i) {
    by_alice.push_back(i % 7 < 4);
    append(by_alice.back() ? message("alice", "bob", "m" + std::to_string(i))
                           : message("bob", "alice", "m" + std::to_string(i)));
  }
  const auto unread = [&](std::string_view me) {
    return reader()->conversations(user(me), {}, 1, kNoByteLimit).items.at(0).summary.unread;
  };
  for (const Seq read : std::initializer_list<Seq>{0, 1, 4, 5, 15, 16, 17, 40, 64, 74, 75}) {
    if (read > 0) raise("bob", "alice", {read, read});
    const auto expected =
        std::count(by_alice.begin() + static_cast<std::ptrdiff_t>(read), by_alice.end(), true);
    EXPECT_EQ(unread("bob"), static_cast<Seq>(expected)) << read;
  }
  EXPECT_EQ(unread("alice"), static_cast<Seq>(std::count(by_alice.begin(), by_alice.end(), false)));
  append(message("alice", "bob", "one-more"));
  EXPECT_EQ(unread("bob"), 1U);
}

}  // namespace
}  // namespace duet
