// What WriteTransaction::append promises.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Append : public StoreContract {};

INSTANTIATE_TEST_SUITE_P(Writing, Append, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Append, MessagesOfBothSidesShareOneDenseSeq) {
  EXPECT_EQ(append(message("alice", "bob", "a1")).message.envelope.seq, 1U);
  EXPECT_EQ(append(message("bob", "alice", "b1")).message.envelope.seq, 2U);
  EXPECT_EQ(append(message("alice", "bob", "a2")).message.envelope.seq, 3U);
  EXPECT_EQ(append(message("alice", "carol", "a3")).message.envelope.seq, 1U);
}

TEST_P(Append, WhatIsStoredIsReadBackExactly) {
  NewMessage sent = message("alice", "bob", "id-1", 1234, "caf\u00e9 \u2603");
  sent.type = "application/vnd.duet+json";
  const Appended appended = append(sent);
  EXPECT_FALSE(appended.duplicate);
  const Envelope expected{.seq = 1,
                          .id = sent.id,
                          .from = sent.from,
                          .to = sent.to,
                          .ts = sent.ts,
                          .type = sent.type,
                          .body = sent.body,
                          .cursor = "",
                          .duplicate = false};
  EXPECT_EQ(appended.message.envelope, expected);
  EXPECT_THAT(reader()->history(user("bob"), user("alice"), {}, {}, 10, kNoByteLimit).items,
              ElementsAre(expected));
}

TEST_P(Append, AnEmptyAndALargeBodyAreKept) {
  append(message("alice", "bob", "empty", 1, ""));
  const std::string large(std::size_t{64} * 1024, 'x');
  append(message("alice", "bob", "large", 1, large));
  EXPECT_THAT(bodies(reader()->history(user("alice"), user("bob"), {}, {}, 10, kNoByteLimit)),
              ElementsAre("", large));
}

TEST_P(Append, TheSameIdOfTheSameSenderIsStoredOnce) {
  const Appended first = append(message("alice", "bob", "id-1", 1000, "first"));
  append(message("alice", "bob", "id-2", 1001));
  const Appended again = append(message("alice", "bob", "id-1", 2000, "second"));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.message.envelope, first.message.envelope);
  EXPECT_EQ(again.message.log_number, first.message.log_number);
  EXPECT_THAT(bodies(reader()->history(user("alice"), user("bob"), {}, {}, 10, kNoByteLimit)),
              ElementsAre("first", "hello"));
}

TEST_P(Append, AResendInTheSameTransactionIsADuplicate) {
  const auto transaction = database().begin();
  transaction->append(message("alice", "bob", "id-1", 1000, "first"));
  EXPECT_TRUE(transaction->append(message("alice", "bob", "id-1", 1000, "second")).duplicate);
  transaction->commit();
}

TEST_P(Append, AnIdCountsPerSenderAndConversation) {
  EXPECT_FALSE(append(message("alice", "bob", "id-1")).duplicate);
  EXPECT_FALSE(append(message("bob", "alice", "id-1")).duplicate);
  EXPECT_FALSE(append(message("alice", "carol", "id-1")).duplicate);
}

TEST_P(Append, AnOldDuplicateIsFoundAfterManyMessagesAndAfterReopening) {
  append_many("alice", "bob", 200);
  append_many("carol", "dave", 200);
  reopen();
  for (int i = 1; i <= 200; ++i) {
    const auto again = append(message("alice", "bob", "m" + std::to_string(i), 9999, "other"));
    ASSERT_TRUE(again.duplicate) << i;
    ASSERT_EQ(again.message.envelope.seq, static_cast<Seq>(i));
    ASSERT_EQ(again.message.envelope.body, "body " + std::to_string(i));
  }
}

TEST_P(Append, TsNeverDecreasesWithinAConversation) {
  append(message("alice", "bob", "a1", 5000));
  EXPECT_EQ(append(message("bob", "alice", "b1", 4000)).message.envelope.ts, at(5000));
  EXPECT_EQ(append(message("bob", "alice", "b2", 6000)).message.envelope.ts, at(6000));
  EXPECT_EQ(append(message("alice", "carol", "c1", 4000)).message.envelope.ts, at(4000));
}

TEST_P(Append, LogNumbersAscendOverTheWholeStore) {
  const LogNumber first = append(message("alice", "bob", "a1")).message.log_number;
  const LogNumber second = append(message("carol", "dave", "c1")).message.log_number;
  const LogNumber receipt = raise("bob", "alice", {1, 0}).log_number;
  const LogNumber third = append(message("alice", "bob", "a2")).message.log_number;
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, first);
  EXPECT_GT(receipt, second);
  EXPECT_GT(third, receipt);
  EXPECT_EQ(reader()->last_log_number(), third);
}

TEST_P(Append, WithoutCommitNothingStands) {
  append(message("alice", "bob", "a1"));
  const LogNumber before = reader()->last_log_number();
  {
    const auto transaction = database().begin();
    transaction->append(message("alice", "bob", "a2"));
    transaction->append(message("carol", "dave", "c1"));
    transaction->raise_marks(user("bob"), user("alice"), {2, 2});
    transaction->block({user("bob"), user("alice")});
    transaction->touch_device({{user("erin"), device("phone")}, at(1), "fcm"}, 16);
    transaction->set_ingest_offset(node('a'), 0, 7);
    transaction->set_delivered_mark(before);
  }
  const auto read = reader();
  EXPECT_EQ(read->last_log_number(), before);
  EXPECT_EQ(read->delivered_mark(), 0U);
  EXPECT_EQ(read->consent(user("carol"), user("dave")), std::nullopt);
  EXPECT_FALSE(read->is_blocked({user("bob"), user("alice")}));
  EXPECT_THAT(read->devices(user("erin")), IsEmpty());
  const auto transaction = database().begin();
  EXPECT_EQ(transaction->ingest_offset(node('a'), 0), 0U);
  EXPECT_FALSE(transaction->standing(user("alice"), user("bob")).blocked);
  EXPECT_EQ(transaction->raise_marks(user("bob"), user("alice"), {1, 0}).marks, (Marks{1, 0}));
}

TEST_P(Append, AfterARollbackTheNumbersAndIdsAreGivenAgain) {
  const Appended first = append(message("alice", "bob", "a1"));
  {
    const auto transaction = database().begin();
    for (int i = 0; i < 40; ++i) transaction->append(message("alice", "bob", "lost" + std::to_string(i)));
    transaction->append(message("new", "user", "n1"));
  }
  const Appended second = append(message("alice", "bob", "lost0"));
  EXPECT_FALSE(second.duplicate);
  EXPECT_EQ(second.message.envelope.seq, 2U);
  EXPECT_EQ(second.message.log_number, first.message.log_number + 1);
  EXPECT_EQ(append(message("new", "user", "n1")).message.envelope.seq, 1U);
}

TEST_P(Append, ATransactionThatHasEndedRefusesToGoOn) {
  const auto transaction = database().begin();
  transaction->commit();
  EXPECT_THROW(transaction->commit(), std::logic_error);
  EXPECT_THROW(transaction->append(message("alice", "bob", "a1")), std::logic_error);
}

TEST_P(Append, ThereIsOneTransactionAtATime) {
  const auto transaction = database().begin();
  EXPECT_THROW(database().begin(), std::logic_error);
}

}  // namespace
}  // namespace duet
