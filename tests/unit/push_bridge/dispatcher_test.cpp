// What becomes of a push, from the store's answer to the provider's.

#include "tests/unit/push_bridge/dispatcher_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;
using Action = Judgement::Action;

TEST_F(DispatcherTest, APushIsCheckedPostedAndGone) {
  world_.message(alice_, bob_, 3);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_}}));
  EXPECT_TRUE(poster_.posts.empty());
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  const auto& says = sender_->notifications.at(0);
  EXPECT_EQ(says.id, "push-1");
  EXPECT_EQ(says.seq, 3U);
  EXPECT_EQ(says.badge, 7U);
  EXPECT_EQ(says.conversation, world_.database.conversation_tag(phone_, alice_));
  EXPECT_EQ(says.conversation.size(), 32U);
  answer_post(200);
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.sent, 1U);
}

TEST_F(DispatcherTest, WhatTheStoreObjectsToIsNotPosted) {
  world_.message(alice_, bob_, 3);
  pump();
  answer_checks({.read = 3, .last = 3, .blocked = false, .muted = false, .badge = 0});
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.cancelled, 1U);
}

TEST_F(DispatcherTest, NothingIsPostedWithoutAnAnswerOfTheStore) {
  world_.message(alice_, bob_, 1);
  pump();
  for (int i = 0; i < 5; ++i) {
    world_.pass(Dispatcher::kCheckTimeout);
    pump();
  }
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_GE(checks_.size(), 2U);  // it is asked again
  checks_.erase(checks_.begin(), checks_.end() - 1);
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(1));
}

TEST_F(DispatcherTest, AnAnswerThatIsTooOldIsNotActedOn) {
  poster_.window = 0;
  push_one();
  world_.pass(Dispatcher::kCheckGood);
  poster_.window = 1;
  pump();
  EXPECT_TRUE(poster_.posts.empty());
  ASSERT_EQ(checks_.size(), 1U);
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);
}

TEST_F(DispatcherTest, ARetryHasTheSameIdAndTheNextAttempt) {
  push_one();
  sender_->verdict = {.action = Action::retry, .reason = "HTTP 503", .after = 20s};
  answer_post(503);
  ASSERT_TRUE(job());
  EXPECT_EQ(world_.wait(phone_, alice_), 20s);
  EXPECT_TRUE(checks_.empty());
  world_.pass(20s);
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  pump();
  answer_checks();
  answer_post(200);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(1, 2));
  ASSERT_EQ(sender_->notifications.size(), 2U);
  EXPECT_EQ(sender_->notifications[0].id, sender_->notifications[1].id);
  EXPECT_FALSE(job());
}

TEST_F(DispatcherTest, ARetryThatSaysMoreIsAnotherPush) {
  push_one();
  sender_->verdict = {.action = Action::retry, .reason = "HTTP 503", .after = 20s};
  world_.message(alice_, bob_, 2);
  answer_post(503);
  world_.pass(20s);
  pump();
  answer_checks();
  answer_post(503);
  EXPECT_NE(sender_->notifications[0].id, sender_->notifications[1].id);
  EXPECT_EQ(sender_->notifications[1].seq, 2U);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(1, 1));
}

TEST_F(DispatcherTest, WhatIsReadDuringAnAttemptIsNotRetried) {
  push_one();
  world_.receipt(bob_, alice_, 1, 1);
  sender_->verdict = {.action = Action::retry, .reason = "HTTP 503", .after = 1s};
  answer_post(503);
  EXPECT_FALSE(job());
}

TEST_F(DispatcherTest, WhatIsReadDuringAnAttemptThatArrivesIsTakenBackSilently) {
  push_one();
  world_.receipt(bob_, alice_, 1, 1);
  answer_post(200);
  EXPECT_FALSE(job());
  EXPECT_TRUE(world_.badge(phone_, alice_));
}

TEST_F(DispatcherTest, AProcessThatDiesLeavesThePushWithItsId) {
  push_one();
  poster_.posts.clear();
  dispatcher_ = make_dispatcher();  // the next process
  EXPECT_EQ(world_.database.jobs().release_all(world_.now() + 2s), 1);
  world_.pass(2s);
  pump();
  answer_checks();
  answer_post(200);
  EXPECT_THAT(sender_->attempts, testing::ElementsAre(2));
  EXPECT_EQ(sender_->notifications.at(0).id, "push-1");
}

TEST_F(DispatcherTest, ALeaseThatRunsOutIsPendingAgain) {
  push_one();
  world_.pass(Dispatcher::kLease);
  pump();
  EXPECT_EQ(checks_.size(), 1U);
}

TEST_F(DispatcherTest, WhatFindsNoRoomIsPostedWhenThereIsSome) {
  poster_.window = 1;
  world_.message(user("carol"), bob_, 1);
  push_one();
  EXPECT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  EXPECT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  EXPECT_EQ(world_.counters.sent, 2U);
}

TEST_F(DispatcherTest, WhatFindsNoRoomKeepsItsPlaceAndIsNotMadeLongBefore) {
  poster_.window = 1;
  for (int i = 0; i < 150; ++i) {
    world_.register_phone(device("user" + std::to_string(i)));
    world_.message(alice_, user("user" + std::to_string(i)), 1);
    world_.pass(1ms);
  }
  pump();
  answer_checks();
  EXPECT_LT(sender_->notifications.size(), 50U);
  for (int i = 0; i < 150; ++i) {
    ASSERT_EQ(poster_.posts.size(), 1U) << i;
    EXPECT_EQ(poster_.posts[0].request.body, "push-" + std::to_string(i + 1));
    answer_post(200);
  }
  EXPECT_EQ(sender_->notifications.size(), 150U) << "each is made once";
}

TEST_F(DispatcherTest, AHostThatHasNoRoomHoldsUpNoOther) {
  const UserId carol = user("carol");
  world_.register_phone(device("carol"));
  sender_->urls[carol] = "https://other/send";
  world_.message(alice_, bob_, 1);
  world_.pass(1ms);
  world_.message(alice_, carol, 1);
  poster_.full_hosts.insert("https://fcm/send");
  pump();
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.url, "https://other/send");
  poster_.full_hosts.clear();
  answer_post(200);
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.url, "https://fcm/send");
}

TEST_F(DispatcherTest, WhatIsReadWhileItWaitsForRoomIsNotPosted) {
  poster_.window = 0;
  push_one();
  world_.receipt(bob_, alice_, 1, 1);
  poster_.window = 1;
  pump();
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.cancelled, 1U);
}

TEST_F(DispatcherTest, HowLongAPushTookFromTheCommitIsCounted) {
  world_.message(alice_, bob_, 1);
  world_.pass(300ms);
  pump();
  answer_checks();
  world_.pass(200ms);
  answer_post(200);
  EXPECT_EQ(world_.counters.commit_to_sent.count(), 1U);
  EXPECT_EQ(world_.counters.commit_to_sent.max(), 500ms);
  EXPECT_THAT(format_counters(world_.counters), testing::HasSubstr("until it was sent: p50 500 ms"));
}

TEST_F(DispatcherTest, WhatCanNeverBeMadeIsGivenUp) {
  sender_->impossible = true;
  push_one();
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.dead, 1U);
}

TEST_F(DispatcherTest, WithoutTheBrokerNothingIsLeased) {
  world_.message(alice_, bob_, 1);
  pump();
  dispatcher_->put_back(world_.instant());
  EXPECT_FALSE(job()->leased);
  EXPECT_EQ(job()->attempt, 0);
  dispatcher_->pump(false, world_.instant());
  EXPECT_FALSE(job()->leased);
}

TEST_F(DispatcherTest, WakesWhenTheNextPushIsDue) {
  EXPECT_EQ(dispatcher_->next_wakeup(world_.instant()), std::nullopt);
  world_.online(phone_);
  world_.message(alice_, bob_, 1);
  EXPECT_EQ(dispatcher_->next_wakeup(world_.instant()), world_.instant().steady + 10s);
}

}  // namespace
}  // namespace duet
