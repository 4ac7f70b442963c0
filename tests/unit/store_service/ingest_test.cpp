#include "store_service/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/store_service/database.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Ingest : public testing::Test {
 protected:
  std::vector<std::string> topics(const Ingested& done) {
    std::vector<std::string> topics;
    for (const auto& delivery : done.deliveries) topics.push_back(delivery.topic);
    return topics;
  }
  Envelope envelope(const Ingested& done, std::size_t at) {
    return parse_envelope(done.deliveries.at(at).payload).value();
  }
  ErrorEvent error(const Ingested& done) {
    EXPECT_EQ(done.deliveries.size(), 1U);
    return parse_error(done.deliveries.at(0).payload).value();
  }
  std::size_t stored(std::string_view one, std::string_view other) {
    return store_.database.reader()->history(user(one), user(other), {}, {}, 200, 1 << 20).items.size();
  }
  RecordNumber offset() {
    const auto transaction = store_.database.begin();
    return transaction->ingest_offset(node(), 0);
  }

  TemporaryStore store_;
};

TEST_F(Ingest, DeliversAMessageToBothSides) {
  const auto done = store_.store(
      {message_record(1, "alice", "bob", R"({"id":"m1","body":"hello","type":"text/markdown"})")});

  EXPECT_THAT(topics(done), ElementsAre("u/alice/in/bob/sent", "u/bob/in/alice/msg"));
  EXPECT_EQ(done.deliveries[0].payload, done.deliveries[1].payload);
  EXPECT_EQ(done.deliveries[0].log_number, done.deliveries[1].log_number);
  const auto sent = envelope(done, 0);
  EXPECT_EQ(sent.seq, 1U);
  EXPECT_EQ(sent.id, message_id("m1"));
  EXPECT_EQ(sent.from, user("alice"));
  EXPECT_EQ(sent.to, user("bob"));
  EXPECT_EQ(sent.ts, at_ms(1'000'001));
  EXPECT_EQ(sent.type, "text/markdown");
  EXPECT_EQ(sent.body, "hello");
  EXPECT_EQ(sent.cursor, store_.cursor(done.deliveries[0].log_number));
  EXPECT_FALSE(sent.duplicate);
  EXPECT_EQ(done.messages, 1U);
}

TEST_F(Ingest, NumbersAConversationWithoutHolesFromBothSides) {
  store_.store_message("alice", "bob", "a1");
  store_.store_message("bob", "alice", "b1");
  store_.store_message("alice", "carol", "c1");
  EXPECT_EQ(envelope(store_.store_message("alice", "bob", "a2"), 0).seq, 3U);
}

TEST_F(Ingest, AnswersAResendWithTheFirstResultToItsSenderAlone) {
  const auto first = store_.store_message("alice", "bob", "m1", "first");
  store_.store_message("alice", "bob", "m2");

  const auto again = store_.store_message("alice", "bob", "m1", "second");

  EXPECT_THAT(topics(again), ElementsAre("u/alice/in/bob/sent"));
  auto expected = envelope(first, 0);
  expected.duplicate = true;
  EXPECT_EQ(envelope(again, 0), expected);
  EXPECT_EQ(again.deliveries[0].log_number, 0U);
  EXPECT_EQ(again.duplicates, 1U);
  EXPECT_EQ(stored("alice", "bob"), 2U);
}

TEST_F(Ingest, TakesTheSameIdOfTheOtherSideForAnotherMessage) {
  store_.store_message("alice", "bob", "m1");
  EXPECT_EQ(store_.store_message("bob", "alice", "m1").messages, 1U);
}

TEST_F(Ingest, NamesAMessageThatHasNoIdAfterItsRecord) {
  const auto done = store_.store({message_record(1, "alice", "bob", R"({"body":"x"})")});
  EXPECT_EQ(envelope(done, 0).id.str(), std::string(16, 'a') + ".1");
}

TEST_F(Ingest, TellsRaisedMarksToBothSides) {
  store_.store_message("alice", "bob", "m1");
  const auto done = store_.store_receipt("bob", "alice", R"({"read":1})");

  EXPECT_THAT(topics(done), ElementsAre("u/bob/in/alice/receipt", "u/alice/in/bob/receipt"));
  const auto receipt = parse_receipt_event(done.deliveries[0].payload).value();
  EXPECT_EQ(receipt.by, user("bob"));
  EXPECT_EQ(receipt.delivered, 1U);
  EXPECT_EQ(receipt.read, 1U);
  EXPECT_EQ(receipt.cursor, store_.cursor(done.deliveries[0].log_number));
  EXPECT_EQ(done.deliveries[0].payload, done.deliveries[1].payload);
}

TEST_F(Ingest, TellsNothingOfMarksThatAreNotAhead) {
  store_.store_message("alice", "bob", "m1");
  store_.store_receipt("bob", "alice", R"({"read":1})");
  const auto done = store_.store_receipt("bob", "alice", R"({"delivered":1})");
  EXPECT_THAT(topics(done), IsEmpty());
  EXPECT_THAT(done.refused, IsEmpty());
}

TEST_F(Ingest, RefusesAReceiptBeyondTheLastMessage) {
  store_.store_message("alice", "bob", "m1");
  const auto done = store_.store_receipt("bob", "alice", R"({"read":2})");

  EXPECT_THAT(topics(done), ElementsAre("u/bob/d/phone/error"));
  EXPECT_EQ(error(done).refusal.code, ErrorCode::not_found);
  EXPECT_EQ(error(done).topic, "u/bob/out/alice/receipt");
}

TEST_F(Ingest, RefusesAReceiptWithoutAConversation) {
  EXPECT_EQ(error(store_.store_receipt("bob", "alice", R"({"read":1})")).refusal.code, ErrorCode::not_found);
}

TEST_F(Ingest, RefusesWhatABlockedUserSends) {
  store_.store_message("alice", "bob", "m1");
  store_.block("bob", "alice");

  const auto done = store_.store_message("alice", "bob", "m2");
  EXPECT_THAT(topics(done), ElementsAre("u/alice/d/phone/error"));
  EXPECT_EQ(error(done).refusal.code, ErrorCode::blocked);
  EXPECT_EQ(error(done).id, message_id("m2"));
  EXPECT_EQ(error(done).topic, "u/alice/out/bob/msg");
  EXPECT_EQ(error(store_.store_receipt("alice", "bob", R"({"read":1})")).refusal.code, ErrorCode::blocked);
  EXPECT_EQ(stored("alice", "bob"), 1U);
}

TEST_F(Ingest, TakesWhatTheBlockerSends) {
  store_.block("bob", "alice");
  EXPECT_EQ(store_.store_message("bob", "alice", "m1").messages, 1U);
}

// The limit of new conversations. The records' time is 1,000 s and their number of milliseconds.
class NewConversations : public Ingest {
 protected:
  NewConversations() { store_.strangers.new_conversations = conversations_per_hour(2); }

  // A message of alice's that the broker took `seconds` later than the first ones.
  Ingested message_after(int seconds, const std::string& to, const std::string& id) {
    auto record = message_record(0, "alice", to, R"({"id":")" + id + R"(","body":"x"})");
    record.ts += std::chrono::seconds(seconds);
    return store_.store({record});
  }
};

TEST_F(NewConversations, BeyondTheLimitAreRefusedForNow) {
  EXPECT_EQ(message_after(0, "bob", "m1").messages, 1U);
  EXPECT_EQ(message_after(0, "carol", "m2").messages, 1U);

  const auto done = message_after(600, "dave", "m3");
  EXPECT_THAT(topics(done), ElementsAre("u/alice/d/phone/error"));
  EXPECT_EQ(error(done).refusal.code, ErrorCode::rate_limited);
  EXPECT_EQ(error(done).id, message_id("m3"));
  EXPECT_EQ(error(done).topic, "u/alice/out/dave/msg");
  EXPECT_EQ(error(done).retry_after, std::chrono::seconds(1200));
  EXPECT_EQ(stored("alice", "dave"), 0U);

  EXPECT_EQ(message_after(1800, "dave", "m3").messages, 1U);
  EXPECT_EQ(error(message_after(1801, "erin", "m4")).refusal.code, ErrorCode::rate_limited);
}

TEST_F(NewConversations, DoNotConcernThoseThatExistNorOtherUsers) {
  message_after(0, "bob", "m1");
  message_after(0, "carol", "m2");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(message_after(0, "bob", "b" + std::to_string(i)).messages, 1U);
  }
  EXPECT_EQ(message_after(0, "bob", "b1").duplicates, 1U);
  store_.strangers.new_conversations = conversations_per_hour(3);
  EXPECT_EQ(store_.store_message("erin", "alice", "e1").messages, 1U);
  EXPECT_EQ(message_after(0, "erin", "m3").messages, 1U) << "an answer begins nothing";
}

TEST_F(NewConversations, ThatAreRefusedOtherwiseCostNothing) {
  store_.block("bob", "alice");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(error(message_after(0, "bob", "m1")).refusal.code, ErrorCode::blocked);
  }
  EXPECT_EQ(message_after(0, "carol", "m2").messages, 1U);
  EXPECT_EQ(message_after(0, "dave", "m3").messages, 1U);
}

TEST_F(NewConversations, ComeToTheSameWhenATransactionIsTriedAgain) {
  std::vector<Record> records;
  for (const char* peer : {"bob", "carol", "dave"}) {
    records.push_back(message_record(records.size() + 1, "alice", peer, R"({"id":"m","body":"x"})"));
  }
  const std::vector<IngestFrame> frames{{node(), 0, records}};
  for (int i = 0; i < 3; ++i) {  // the database fails at the commit
    const auto transaction = store_.database.begin();
    ingest(*transaction, frames, {store_.database.epoch(), {}, 0, store_.strangers});
  }
  const auto done = store_.commit(frames);
  EXPECT_EQ(done.messages, 2U);
  ASSERT_EQ(done.refused.size(), 1U);
  EXPECT_EQ(done.refused[0].n, 3U);
}

// Recipients that are not known.
class UnknownRecipient : public Ingest {
 protected:
  UnknownRecipient() { store_.strangers.unknown = UnknownRecipients::refuse; }

  void note(const std::function<void(WriteTransaction&)>& what) {
    const auto transaction = store_.database.begin();
    what(*transaction);
    transaction->commit();
  }
};

TEST_F(UnknownRecipient, IsRefusedAndNothingIsStored) {
  const auto done = store_.store_message("alice", "bob", "m1");
  EXPECT_EQ(error(done).refusal.code, ErrorCode::not_found);
  EXPECT_EQ(error(done).id, message_id("m1"));
  EXPECT_EQ(done.deliveries[0].topic, "u/alice/d/phone/error");
  EXPECT_EQ(stored("alice", "bob"), 0U);
  EXPECT_EQ(offset(), 1U);
  EXPECT_FALSE(store_.database.begin()->is_known(user("alice"))) << "who only tries names leaves nothing";

  store_.strangers.unknown = UnknownRecipients::keep;
  EXPECT_EQ(store_.store_message("alice", "bob", "m1").messages, 1U);
  store_.strangers.unknown = UnknownRecipients::refuse;
  EXPECT_EQ(store_.store_message("alice", "bob", "m2").messages, 1U) << "the conversation exists";
}

TEST_F(UnknownRecipient, IsKnownByAnAccountASessionOrAMessage) {
  note([](WriteTransaction& one) { one.note_account(user("bob")); });
  note([](WriteTransaction& one) { one.note_seen(user("carol")); });
  EXPECT_EQ(store_.store_message("alice", "bob", "m1").messages, 1U);
  EXPECT_EQ(store_.store_message("alice", "carol", "m1").messages, 1U);
  EXPECT_EQ(store_.store_message("bob", "alice", "b1").messages, 1U);
  EXPECT_EQ(store_.store_message("dave", "alice", "d1").messages, 1U) << "alice has written";
  EXPECT_EQ(store_.store_message("alice", "duet-probe-a", "m1").messages, 1U);
}

TEST_F(UnknownRecipient, TryingNamesIsBoundedAsNewConversationsAre) {
  store_.strangers.new_conversations = conversations_per_hour(2);
  for (const char* name : {"bob", "carol"}) {
    EXPECT_EQ(error(store_.store_message("alice", name, "m1")).refusal.code, ErrorCode::not_found);
  }
  EXPECT_EQ(error(store_.store_message("alice", "dave", "m1")).refusal.code, ErrorCode::rate_limited);
}

// It was in the journal when the account was made.
TEST_F(UnknownRecipient, AMessageFromBeforeTheAccountIsNotForIt) {
  store_.strangers.unknown = UnknownRecipients::keep;
  note([](WriteTransaction& one) { EXPECT_TRUE(one.claim_name(user("bob"), at_ms(1'000'000))); });
  for (const char* from : {"alice", "carol"}) {
    EXPECT_EQ(error(store_.store_message(from, "bob", "m1")).refusal.code, ErrorCode::not_found);
  }
  auto later = message_record(0, "alice", "bob", R"({"id":"m2","body":"x"})");
  later.ts = at_ms(1'000'001);
  EXPECT_EQ(store_.store({later}).messages, 1U);
}

// Consent.
class Requesting : public Ingest {
 protected:
  Requesting() {
    store_.strangers.require_consent = true;
    store_.strangers.consent_messages = 2;
  }
};

TEST_F(Requesting, AStrangerSendsAFewMessagesAndNoMore) {
  EXPECT_EQ(store_.store_message("alice", "bob", "m1").messages, 1U);
  const auto second = store_.store_message("alice", "bob", "m2");
  EXPECT_THAT(topics(second), ElementsAre("u/alice/in/bob/sent", "u/bob/in/alice/msg"));

  const auto third = store_.store_message("alice", "bob", "m3");
  EXPECT_THAT(topics(third), ElementsAre("u/alice/d/phone/error"));
  EXPECT_EQ(error(third).refusal.code, ErrorCode::not_authorized);
  EXPECT_EQ(error(third).id, message_id("m3"));
  EXPECT_EQ(error(third).retry_after, std::nullopt);
  EXPECT_EQ(stored("alice", "bob"), 2U);

  const auto again = store_.store_message("alice", "bob", "m2", "another body");
  auto expected = envelope(second, 0);
  expected.duplicate = true;
  EXPECT_EQ(envelope(again, 0), expected) << "a resend is none more";

  store_.accept("bob", "alice");
  EXPECT_EQ(envelope(store_.store_message("alice", "bob", "m3"), 0).seq, 3U);
}

TEST_F(Requesting, TheLimitHoldsWithinOneFrameToo) {
  std::vector<Record> records;
  for (int i = 1; i <= 4; ++i) {
    records.push_back(
        message_record(0, "alice", "bob", R"({"id":"m)" + std::to_string(i) + R"(","body":"x"})"));
  }
  const auto done = store_.store(records);
  EXPECT_EQ(done.messages, 2U);
  EXPECT_EQ(done.refused.size(), 2U);
}

TEST_F(Requesting, MarksAreWithheldUntilTheAnswerWhichTellsThem) {
  store_.store_message("alice", "bob", "m1");
  const auto marks = store_.store_receipt("bob", "alice", R"({"read":1})");
  EXPECT_THAT(topics(marks), ElementsAre("u/bob/in/alice/receipt"));

  const auto answer = store_.store_message("bob", "alice", "b1");
  EXPECT_THAT(topics(answer), ElementsAre("u/bob/in/alice/sent", "u/alice/in/bob/msg",
                                          "u/bob/in/alice/receipt", "u/alice/in/bob/receipt"));
  const auto receipt = parse_receipt_event(answer.deliveries[3].payload).value();
  EXPECT_EQ(receipt.by, user("bob"));
  EXPECT_EQ(receipt.read, 1U);
  EXPECT_EQ(receipt.cursor, store_.cursor(answer.deliveries[3].log_number));
  EXPECT_GT(answer.deliveries[3].log_number, answer.deliveries[0].log_number);

  EXPECT_THAT(topics(store_.store_receipt("bob", "alice", R"({"read":2})")),
              ElementsAre("u/bob/in/alice/receipt", "u/alice/in/bob/receipt"));
  for (int i = 2; i < 6; ++i) {
    EXPECT_EQ(store_.store_message("alice", "bob", "m" + std::to_string(i)).messages, 1U);
  }
}

TEST_F(Requesting, ABlockComesFirst) {
  store_.store_message("alice", "bob", "m1");
  store_.store_message("alice", "bob", "m2");
  store_.block("bob", "alice");
  EXPECT_EQ(error(store_.store_message("alice", "bob", "m3")).refusal.code, ErrorCode::blocked);
  EXPECT_EQ(error(store_.store_message("alice", "bob", "m1")).refusal.code, ErrorCode::blocked);
}

TEST_F(Requesting, WhatWasBegunBeforeCountsAsAccepted) {
  store_.strangers.require_consent = false;
  store_.store_message("alice", "bob", "m0");
  store_.strangers.require_consent = true;
  for (int i = 1; i < 5; ++i) {
    EXPECT_EQ(store_.store_message("alice", "bob", "m" + std::to_string(i)).messages, 1U);
  }
  EXPECT_EQ(topics(store_.store_receipt("bob", "alice", R"({"read":1})")).size(), 2U);
}

TEST_F(Ingest, RefusesWhatIsMalformedAndGoesOn) {
  const auto done = store_.commit(
      {{node(),
        0,
        {message_record(1, "alice", "bob", "{"), message_record(2, "alice", "bob", R"({"id":"m2","body":7})"),
         receipt_record(3, "alice", "bob", R"({"read":-1})"),
         message_record(4, "alice", "alice", R"({"body":"me"})"),
         receipt_record(5, "alice", "alice", R"({"read":1})"),
         message_record(6, "alice", "bob", R"({"body":"fine"})")}}});

  EXPECT_EQ(done.refused.size(), 5U);
  for (const auto& refused : done.refused) EXPECT_EQ(refused.code, ErrorCode::malformed) << refused.n;
  EXPECT_EQ(parse_error(done.deliveries[1].payload)->id, message_id("m2"));
  EXPECT_EQ(done.messages, 1U);
  EXPECT_EQ(stored("alice", "bob"), 1U);
  EXPECT_EQ(offset(), 6U);
}

TEST_F(Ingest, RefusesWhatIsTooLarge) {
  const std::vector<IngestFrame> frames{
      {node(), 0, {message_record(1, "alice", "bob", R"({"id":"m1","body":"xxxx"})")}}};
  EXPECT_EQ(error(store_.commit(frames, {.body_bytes = 3})).refusal.code, ErrorCode::too_large);
}

TEST_F(Ingest, SkipsRecordsThatAreStored) {
  const std::vector<Record> records{message_record(1, "alice", "bob", R"({"id":"m1","body":"1"})"),
                                    message_record(2, "alice", "bob", R"({"id":"m2","body":"2"})")};
  store_.commit({{node(), 0, {records[0]}}});

  const auto done = store_.commit({{node(), 0, records}});

  EXPECT_EQ(done.messages, 1U);
  EXPECT_EQ(done.duplicates, 0U);
  EXPECT_TRUE(done.nodes.at(node()).sent_records);
  EXPECT_EQ(done.nodes.at(node()).offset, 2U);
  EXPECT_EQ(stored("alice", "bob"), 2U);
}

TEST_F(Ingest, DoesNotTakeAFrameBehindAHole) {
  const auto done = store_.commit({{node(), 4, {message_record(5, "alice", "bob", R"({"body":"5"})")}}});

  EXPECT_TRUE(done.nodes.at(node()).left_a_hole);
  EXPECT_FALSE(done.nodes.at(node()).sent_records);
  EXPECT_EQ(done.nodes.at(node()).offset, 0U);
  EXPECT_EQ(stored("alice", "bob"), 0U);
}

TEST_F(Ingest, ForgetsAHoleThatTheSameBatchFills) {
  const auto done = store_.commit({{node(), 4, {message_record(5, "alice", "bob", R"({"body":"5"})")}},
                                   {node(), 0, {message_record(1, "alice", "bob", R"({"body":"1"})")}}});
  EXPECT_FALSE(done.nodes.at(node()).left_a_hole);
  EXPECT_EQ(done.nodes.at(node()).offset, 1U);
}

TEST_F(Ingest, TakesFramesThatFollowOneAnotherInOneBatch) {
  const auto done = store_.commit({{node(), 0, {message_record(1, "alice", "bob", R"({"body":"1"})")}},
                                   {node(), 1, {message_record(2, "alice", "bob", R"({"body":"2"})")}}});
  EXPECT_FALSE(done.nodes.at(node()).left_a_hole);
  EXPECT_EQ(done.messages, 2U);
  EXPECT_EQ(offset(), 2U);
}

TEST_F(Ingest, FollowsANumberThatJumped) {
  const RecordNumber jumped = (RecordNumber{1} << 32) + 2;
  store_.commit({{node(), 0, {message_record(1, "alice", "bob", R"({"body":"1"})")}}});
  // The store has record 1; the disk of the node lost it, and its journal goes on from what it had: nothing.
  const auto done = store_.commit({{node(), 1, {message_record(jumped, "alice", "bob", R"({"body":"2"})")}}});
  EXPECT_EQ(done.messages, 1U);
  EXPECT_THAT(done.lost, IsEmpty());
  EXPECT_EQ(offset(), jumped);
}

TEST_F(Ingest, GoesOnWithoutRecordsThatNobodyHasAndSaysWhich) {
  const auto done = store_.commit({{node(), 0, {message_record(5, "alice", "bob", R"({"body":"5"})")}}});

  EXPECT_EQ(done.messages, 1U);
  ASSERT_EQ(done.lost.size(), 1U);
  EXPECT_EQ(done.lost[0].first, 1U);
  EXPECT_EQ(done.lost[0].last, 4U);
}

TEST_F(Ingest, KeepsTheOffsetsOfNodesApart) {
  store_.commit({{node('a'), 0, {message_record(1, "alice", "bob", R"({"body":"1"})")}}});
  const auto done = store_.commit({{node('b'), 0, {message_record(1, "alice", "bob", R"({"body":"2"})")}}});
  EXPECT_EQ(done.messages, 1U);
}

TEST_F(Ingest, SaysWhereANodeStandsThatSaysHello) {
  store_.store_message("alice", "bob", "m1");
  const auto done = store_.commit({{node(), 7, {}}});
  EXPECT_TRUE(done.nodes.at(node()).said_hello);
  EXPECT_EQ(done.nodes.at(node()).offset, 1U);
  EXPECT_EQ(done.nodes.at(node()).last, 7U);
  EXPECT_FALSE(done.nodes.at(node()).sent_records);
}

}  // namespace
}  // namespace duet
