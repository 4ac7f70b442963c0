// The follower against a store that the test plays: every question it asks is answered here.
#include "client/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>

#include "protocol/json_codec.h"
#include "tests/unit/client/people.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Envelope message(const UserId& from, Seq seq) {
  return {.seq = seq,
          .id = MessageId::parse("m" + std::to_string(seq)).value(),
          .from = from,
          .to = from == kAlice ? kBob : kAlice,
          .ts = Timestamp(std::chrono::milliseconds(1)),
          .type = "text/plain",
          .body = "body",
          .cursor = "live"};
}

json change(const Envelope& envelope) {
  auto object = to_json(envelope);
  object["kind"] = envelope.from == kAlice ? "sent" : "msg";
  return object;
}

class FollowerTest : public ::testing::Test {
 protected:
  struct Question {
    std::string method;
    RequestPayload parameters;
    Requests::Handler handler;
  };

  void start(std::map<UserId, PeerMarks> marks = {}, std::optional<std::string> cursor = std::nullopt) {
    handlers_.on_message = [this](const Envelope& e) {
      told_.push_back("msg " + std::to_string(e.seq));
      if (e.seq == stop_at_) follower_->stop();
    };
    handlers_.on_sent = [this](const Envelope& e) {
      told_.push_back((e.duplicate ? "dup " : "sent ") + std::to_string(e.seq));
    };
    handlers_.on_receipt = [this](const UserId&, const Receipt& r) {
      told_.push_back(r.by.str() + " " + std::to_string(r.delivered) + "/" + std::to_string(r.read));
    };
    handlers_.on_live = [this] { told_.push_back("live"); };
    follower_ = std::make_unique<Follower>(
        kAlice, true, handlers_,
        Follower::Ports{
            .ask =
                [this](std::string method, RequestPayload parameters, Requests::Handler handler) {
                  questions_.push_back({std::move(method), std::move(parameters), std::move(handler)});
                },
            .take_from_outbox = [this](const MessageId& id) { return outbox_.erase(id.str()) > 0; },
            .told = [this](const UserId& peer) { return remembered_[peer]; },
            .live = [this] { outbox_open_ = true; },
            .now = [this] { return now_; }},
        std::move(marks), std::move(cursor));
    follower_->connected();
  }

  // The next question, which must be this.
  Question next(const std::string& method) {
    if (questions_.empty()) {
      ADD_FAILURE() << "nothing is asked";
      return {"", {}, [](const Requests::Answer&) {}};
    }
    auto question = std::move(questions_.front());
    questions_.pop_front();
    EXPECT_EQ(question.method, method);
    return question;
  }
  Question answer(const std::string& method, const json& result) {
    auto question = next(method);
    question.handler(json::parse(dump(result)));  // as it comes from the wire
    return question;
  }
  static json page(std::vector<json> changes, const std::string& cursor, bool live) {
    return {{"changes", std::move(changes)}, {"cursor", cursor}, {"live", live}};
  }
  void go_live() { answer("sync", page({}, "c0", true)); }

  Requests::Answer refused(ErrorCode code) { return Failure<Refusal>(Refusal{code, "why"}); }

  ClientHandlers handlers_;
  std::unique_ptr<Follower> follower_;
  std::deque<Question> questions_;
  std::set<std::string> outbox_;
  std::map<UserId, ToldOfPeer> remembered_;
  bool outbox_open_ = false;
  std::vector<std::string> told_;
  Seq stop_at_ = 0;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(FollowerTest, SyncsPageByPageUntilLive) {
  start({}, "c1");
  const auto first =
      answer("sync", page({change(message(kBob, 1)), change(message(kAlice, 2))}, "c2", false));
  EXPECT_EQ(first.parameters.cursor, "c1");
  EXPECT_EQ(follower_->take_changed_cursor(), "c2");
  EXPECT_FALSE(outbox_open_);
  const auto second = answer("sync", page({change(message(kBob, 3))}, "c3", true));
  EXPECT_EQ(second.parameters.cursor, "c2");
  EXPECT_THAT(told_, ElementsAre("msg 1", "sent 2", "msg 3", "live"));
  EXPECT_TRUE(outbox_open_) << "not before the sync: it may tell that a message was stored";
  EXPECT_EQ(follower_->take_changed_cursor(), "c3");
  EXPECT_EQ(follower_->take_changed_cursor(), std::nullopt);
  EXPECT_THAT(questions_, IsEmpty());
}

TEST_F(FollowerTest, AFirstSyncIsFromTheStart) {
  start();
  EXPECT_EQ(next("sync").parameters.cursor, std::nullopt);
}

TEST_F(FollowerTest, DoublesNothingThatArrivedMeanwhile) {
  start();
  follower_->on_message(kBob, message(kBob, 2));
  EXPECT_THAT(told_, IsEmpty()) << "1 comes first";
  answer("sync", page({change(message(kBob, 1)), change(message(kBob, 2))}, "c", true));
  EXPECT_THAT(told_, ElementsAre("msg 1", "msg 2", "live"));
}

TEST_F(FollowerTest, FillsAHoleFromTheHistory) {
  start();
  go_live();
  follower_->on_message(kBob, message(kBob, 1));
  follower_->on_message(kBob, message(kBob, 4));
  follower_->on_message(kBob, message(kBob, 5));
  EXPECT_THAT(told_, ElementsAre("live", "msg 1"));
  const auto question = answer("history", {{"messages",
                                            {to_json(message(kAlice, 2)), to_json(message(kBob, 3)),
                                             to_json(message(kBob, 4)), to_json(message(kBob, 5))}},
                                           {"more", false}});
  EXPECT_EQ(question.parameters.after, 1U);
  EXPECT_EQ(question.parameters.with, kBob);
  EXPECT_THAT(told_, ElementsAre("live", "msg 1", "sent 2", "msg 3", "msg 4", "msg 5"));
  EXPECT_THAT(questions_, IsEmpty());
}

TEST_F(FollowerTest, GivesUpAHoleThatTheStoreCannotFill) {
  start();
  go_live();
  follower_->on_message(kBob, message(kBob, 3));
  answer("history", {{"messages", json::array()}, {"more", false}});
  EXPECT_THAT(told_, ElementsAre("live", "msg 3"));
  EXPECT_THAT(questions_, IsEmpty());
}

TEST_F(FollowerTest, TheHistoryMayBeginLater) {
  start();
  go_live();
  follower_->on_message(kBob, message(kBob, 9));
  answer("history", {{"messages", {to_json(message(kBob, 8)), to_json(message(kBob, 9))}}, {"more", false}});
  EXPECT_THAT(told_, ElementsAre("live", "msg 8", "msg 9"));
}

TEST_F(FollowerTest, TheCursorMovesByTheNextSyncWhichComesByItself) {
  start();
  go_live();
  follower_->take_changed_cursor();
  EXPECT_EQ(follower_->next_time(), std::nullopt) << "nothing happens, nothing is asked";
  follower_->on_message(kBob, message(kBob, 1));
  EXPECT_EQ(follower_->take_changed_cursor(), std::nullopt) << "a live message may have overtaken a lost one";
  ASSERT_TRUE(follower_->next_time());
  follower_->at_time(*follower_->next_time());
  answer("sync", page({change(message(kBob, 1)), change(message(kBob, 2))}, "c9", true));
  EXPECT_EQ(follower_->take_changed_cursor(), "c9");
  EXPECT_THAT(told_, ElementsAre("live", "msg 1", "msg 2"));
}

TEST_F(FollowerTest, SentTakesTheMessageFromTheOutboxAlsoWhenItWasSeen) {
  outbox_ = {"m1", "m2"};
  start({{kBob, PeerMarks{.seen = 1}}}, "c");
  go_live();
  auto again = message(kAlice, 1);
  again.duplicate = true;
  follower_->on_sent(kBob, again);
  follower_->on_sent(kBob, message(kAlice, 2));
  follower_->on_sent(kBob, again);
  EXPECT_THAT(outbox_, IsEmpty());
  EXPECT_THAT(told_, ElementsAre("live", "dup 1", "sent 2"));
}

TEST_F(FollowerTest, TellsPeersWhatWasDelivered) {
  start();
  go_live();
  follower_->on_message(kBob, message(kBob, 1));
  follower_->on_sent(kBob, message(kAlice, 2));
  const auto due = follower_->receipts().due(now_);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].payload.delivered, 1U) << "of the peer's messages";
  EXPECT_EQ(follower_->receipts().marks().at(kBob).seen, 2U);
}

TEST_F(FollowerTest, ReadGoesNoFurtherThanWhatWasTold) {
  start();
  go_live();
  follower_->on_message(kBob, message(kBob, 1));
  follower_->mark_read(kBob, 99);
  EXPECT_EQ(follower_->receipts().due(now_).at(0).payload.read, 1U);
}

TEST_F(FollowerTest, TellsMarksWhenTheyRise) {
  start();
  const Receipt receipt{.by = kBob, .delivered = 2, .read = 1, .cursor = "x"};
  auto in_sync = to_json(receipt);
  in_sync["kind"] = "receipt";
  in_sync["peer"] = "bob";
  answer("sync", page({in_sync}, "c", true));
  follower_->on_receipt(kBob, receipt);
  follower_->on_receipt(kBob, {.by = UserId::parse("eve").value(), .delivered = 9, .read = 9, .cursor = "x"});
  EXPECT_THAT(told_, ElementsAre("bob 2/1", "live"));
}

TEST_F(FollowerTest, StoppedItLeavesTheRestToTheNext) {
  stop_at_ = 2;
  start();
  answer("sync",
         page({change(message(kBob, 1)), change(message(kBob, 2)), change(message(kBob, 3))}, "c", true));
  EXPECT_THAT(told_, ElementsAre("msg 1", "msg 2"));
  EXPECT_EQ(follower_->take_changed_cursor(), std::nullopt);
  EXPECT_EQ(follower_->receipts().marks().at(kBob).seen, 2U);
  follower_->on_message(kBob, message(kBob, 3));
  EXPECT_EQ(told_.size(), 2U);
}

// The store answers `reset`, then lists these conversations.
class FollowerReset : public FollowerTest {
 protected:
  void reset(const std::vector<json>& conversations) {
    next("sync").handler(refused(ErrorCode::reset));
    answer("conversations", {{"conversations", conversations}, {"more", false}});
  }
  static json conversation(const Envelope& last, Seq my_delivered = 0, Seq my_read = 0) {
    return {{"peer", "bob"},
            {"last", to_json(last)},
            {"mine", {{"delivered", my_delivered}, {"read", my_read}}},
            {"theirs", {{"delivered", 1}, {"read", 1}}}};
  }
  void remember(Seq first, Seq last) {
    for (Seq seq = first; seq <= last; ++seq) remembered_[kBob].emplace(seq, message(kBob, seq).id);
  }
  static Envelope other(Seq seq) {
    auto envelope = message(kBob, seq);
    envelope.id = MessageId::parse("other" + std::to_string(seq)).value();
    return envelope;
  }
};

TEST_F(FollowerReset, ReadsAllPagesOfConversations) {
  start({{kBob, PeerMarks{.seen = 9}}}, "old");
  next("sync").handler(refused(ErrorCode::reset));
  const json first{{"conversations", json::array()}, {"more", true}, {"cursor", "p2"}};
  EXPECT_EQ(answer("conversations", first).parameters.before_cursor, std::nullopt);
  const json second{{"conversations", {conversation(message(kBob, 7))}}, {"more", false}};
  EXPECT_EQ(answer("conversations", second).parameters.before_cursor, "p2");
  EXPECT_EQ(answer("sync", page({change(message(kBob, 7)), change(message(kBob, 8))}, "new", true))
                .parameters.cursor,
            std::nullopt);
  EXPECT_THAT(told_, ElementsAre("msg 8", "live"))
      << "nothing is remembered: what is beyond the store's last";
  EXPECT_EQ(follower_->take_changed_cursor(), "new");
}

TEST_F(FollowerReset, WhatIsStillTheSameIsNotAskedFor) {
  remember(1, 9);
  start({{kBob, PeerMarks{.seen = 9}}}, "old");
  reset({conversation(message(kBob, 7))});
  answer("sync", page({change(message(kBob, 7)), change(other(8))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 8", "live"));
}

TEST_F(FollowerReset, TellsWhatTookTheSeqsOfOthers) {
  remember(5, 9);
  start({{kBob, PeerMarks{.seen = 9}}}, "old");
  reset({conversation(other(8))});
  EXPECT_EQ(
      answer("history",
             {{"messages",
               {to_json(message(kBob, 5)), to_json(message(kBob, 6)), to_json(other(7)), to_json(other(8))}}})
          .parameters.after,
      4U);
  answer("sync", page({change(message(kBob, 6)), change(other(7)), change(other(8))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 7", "msg 8", "live"));
}

TEST_F(FollowerReset, AnOldBackupHasEverythingToldAgain) {
  remember(5, 9);
  start({{kBob, PeerMarks{.seen = 9}}}, "old");
  reset({conversation(other(3))});
  answer("history", {{"messages", json::array()}});
  answer("sync", page({change(message(kBob, 1)), change(other(2)), change(other(3))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 1", "msg 2", "msg 3", "live"));
}

TEST_F(FollowerReset, AConversationThatIsNoMoreStartsAnew) {
  remember(1, 2);
  start({{kBob, PeerMarks{.seen = 2, .delivered = 2, .delivered_wanted = 2}}}, "old");
  reset({});
  answer("sync", page({change(other(1))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 1", "live"));
  const auto due = follower_->receipts().due(now_);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].payload.delivered, 1U);
}

TEST_F(FollowerReset, WithoutACursorItComparesBeforeItSyncs) {
  remember(1, 2);
  start({{kBob, PeerMarks{.seen = 2}}});
  answer("conversations", {{"conversations", {conversation(other(2))}}, {"more", false}});
  answer("history", {{"messages", {to_json(message(kBob, 1)), to_json(other(2))}}});
  answer("sync", page({change(message(kBob, 1)), change(other(2))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 2", "live"));
}

// The broker and this client stay while a restored store takes over: the first messages come live.
TEST_F(FollowerReset, WhatCameLiveOfTheNewHistoryIsNoProofOfTheOld) {
  remember(1, 8);
  start({{kBob, PeerMarks{.seen = 8}}}, "old");
  remembered_[kBob].emplace(9, other(9).id);
  follower_->on_message(kBob, other(9));
  EXPECT_THAT(told_, ElementsAre("msg 9"));
  reset({conversation(other(9))});
  std::vector<json> stored;
  for (Seq seq = 1; seq <= 6; ++seq) stored.push_back(to_json(message(kBob, seq)));
  for (Seq seq = 7; seq <= 9; ++seq) stored.push_back(to_json(other(seq)));
  answer("history", {{"messages", stored}});
  answer("sync", page({change(other(7)), change(other(8)), change(other(9))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 9", "msg 7", "msg 8", "msg 9", "live"));
}

TEST_F(FollowerReset, ReceiptsAreOfTheStoresMessages) {
  remember(1, 9);
  start({{kBob, PeerMarks{.seen = 9, .delivered = 9, .read = 9, .delivered_wanted = 9, .read_wanted = 9}}},
        "old");
  EXPECT_THAT(follower_->receipts().due(now_), IsEmpty()) << "not before the store is known";
  reset({conversation(message(kBob, 7), 4, 2)});
  answer("sync", page({change(other(8))}, "new", true));
  const auto due = follower_->receipts().due(now_);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].payload.delivered, 8U);
  EXPECT_EQ(due[0].payload.read, 7U) << "what the store has forgotten";
}

TEST_F(FollowerReset, WhatIsHeldOfTheOldHistoryIsForgotten) {
  remember(1, 2);
  start({{kBob, PeerMarks{.seen = 2}}}, "old");
  follower_->on_message(kBob, message(kBob, 50));
  reset({conversation(message(kBob, 2))});
  answer("sync", page({change(other(3))}, "new", true));
  EXPECT_THAT(told_, ElementsAre("msg 3", "live"));
  EXPECT_THAT(questions_, IsEmpty()) << "there is no hole up to 50";
}

TEST_F(FollowerTest, ARefusedSyncIsTriedAgain) {
  start();
  next("sync").handler(refused(ErrorCode::not_authorized));
  ASSERT_TRUE(follower_->next_time());
  follower_->at_time(*follower_->next_time());
  go_live();
  EXPECT_THAT(told_, ElementsAre("live"));
}

TEST_F(FollowerTest, KindsAndFormsThatItDoesNotKnowAreLeftOut) {
  start();
  answer("sync", page({{{"kind", "reaction"}}, {{"kind", "msg"}}, json::array(), 7, change(message(kBob, 1))},
                      "c", true));
  EXPECT_THAT(told_, ElementsAre("msg 1", "live"));
  EXPECT_THAT(questions_, IsEmpty());
}

}  // namespace
}  // namespace duet
