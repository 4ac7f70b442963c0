// Tokens that are refused, and services that fail.

#include "tests/unit/push_bridge/dispatcher_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;
using Action = Judgement::Action;

TEST_F(DispatcherTest, AGoneTokenIsForgottenWithAllItsPushes) {
  world_.message(user("carol"), bob_, 1);
  push_one();
  sender_->verdict = {.action = Action::drop_token, .reason = "UNREGISTERED"};
  answer_post(404);
  EXPECT_FALSE(world_.database.registrations().find(phone_));
  EXPECT_EQ(world_.database.jobs().size(), 0U);
  EXPECT_EQ(world_.counters.dropped, 1U);
}

TEST_F(DispatcherTest, ATokenThatWasRegisteredAfterItWasGoneStays) {
  push_one();
  sender_->verdict = {.action = Action::drop_token, .reason = "Unregistered", .gone_at = world_.now() - 1s};
  answer_post(410);
  EXPECT_TRUE(world_.database.registrations().find(phone_));
  EXPECT_FALSE(job());
  EXPECT_EQ(world_.counters.dead, 1U);
}

TEST_F(DispatcherTest, AnotherTokenOfTheDeviceStaysAndIsTried) {
  push_one();
  world_.decision.registered(push_test::fcm(phone_, "new", world_.now()), world_.now());
  sender_->verdict = {.action = Action::drop_token, .reason = "UNREGISTERED"};
  answer_post(404);
  EXPECT_TRUE(world_.database.registrations().find(phone_));
  EXPECT_TRUE(job());
  EXPECT_EQ(checks_.size(), 1U);
}

TEST_F(DispatcherTest, ASuspectTokenIsForgottenOnlyBesideGoodOnes) {
  sender_->verdict = {.action = Action::suspect_token, .reason = "BadDeviceToken"};
  push_one();
  answer_post(400);
  EXPECT_TRUE(world_.database.registrations().find(phone_));

  const Device tablet = device("bob", "tablet");
  world_.register_phone(tablet);
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  for (Seq seq = 2; seq <= 3; ++seq) {
    world_.pass(10min);
    push_one(seq);
    while (!poster_.posts.empty()) answer_post(200);
  }
  world_.pass(1s);
  world_.message(user("carol"), bob_, 1);
  pump();
  answer_checks();
  sender_->verdict = {.action = Action::suspect_token, .reason = "BadDeviceToken"};
  answer_post(400);
  EXPECT_EQ(world_.database.registrations().count(), 1U);
}

TEST_F(DispatcherTest, WhenEveryTokenIsRefusedNoneIsForgottenAndTheChannelPauses) {
  for (int i = 0; i < 60; ++i) {
    const Device one = device("user" + std::to_string(i));
    world_.register_phone(one);
    world_.message(alice_, one.user, 1);
  }
  sender_->verdict = {.action = Action::suspect_token, .reason = "DeviceTokenNotForTopic"};
  pump();
  answer_checks();
  while (!poster_.posts.empty()) answer_post(400);
  EXPECT_EQ(world_.database.registrations().count(), 61U);
  EXPECT_EQ(world_.counters.dropped, 0U);
  EXPECT_GT(world_.database.jobs().size(), 0U);  // they wait for the configuration
  EXPECT_TRUE(checks_.empty());
}

TEST_F(DispatcherTest, AWrongConfigurationPausesAndIsProbedOnceAMinute) {
  sender_->verdict = {.action = Action::pause, .reason = "InvalidProviderToken"};
  push_one();
  answer_post(403);
  EXPECT_TRUE(job());
  EXPECT_TRUE(checks_.empty());
  world_.pass(59s);
  pump();
  EXPECT_TRUE(checks_.empty());
  world_.message(user("carol"), bob_, 1);
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);  // one of the two
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  answer_post(200);
  answer_checks();
  answer_post(200);
  EXPECT_EQ(world_.counters.sent, 2U);
  EXPECT_EQ(world_.database.jobs().size(), 0U);
}

TEST_F(DispatcherTest, AServiceThatFailsIsLeftAloneForAWhile) {
  sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 0ms};
  push_one();
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
    ASSERT_EQ(poster_.posts.size(), 1U) << i;
    answer_post(0, PostResult::Kind::not_sent);
    answer_checks();
  }
  EXPECT_TRUE(poster_.posts.empty());
  EXPECT_TRUE(job());
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);
}

TEST_F(DispatcherTest, WhatAFailingServiceMadeWaitKeepsItsPlaceByAge) {
  sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 0ms};
  push_one();
  for (std::size_t i = 1; i < LaneHealth::kFailuresInARow; ++i) {
    answer_post(0, PostResult::Kind::not_sent);
    answer_checks();
  }
  sender_->verdict.after = 30s;
  answer_post(0, PostResult::Kind::not_sent);
  world_.pass(1s);
  for (const char* peer : {"carol", "dave"}) {
    world_.message(user(peer), bob_, 1);
    world_.pass(1ms);
  }
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  ASSERT_THAT(checks_[0].of, testing::ElementsAre(PushCheck::Pair{bob_, user("carol")}));  // the probe
  answer_checks();
  sender_->verdict = {.action = Action::sent, .reason = "sent"};
  answer_post(200);
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_THAT(checks_[0].of,
              testing::ElementsAre(PushCheck::Pair{bob_, alice_}, PushCheck::Pair{bob_, user("dave")}));
}

TEST_F(DispatcherTest, WhileAServiceIsLeftAloneNothingIsInHandForIt) {
  sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 30s};
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
    world_.message(user("peer" + std::to_string(i)), bob_, 1);
  }
  world_.pass(1s);
  world_.message(alice_, bob_, 1);
  poster_.window = LaneHealth::kFailuresInARow;  // alice's waits
  pump();
  answer_checks();
  poster_.window = 0;
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
    answer_post(0, PostResult::Kind::not_sent);
  }
  EXPECT_FALSE(job()->leased);
  world_.message(alice_, bob_, 2);
  poster_.window = 100;
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(sender_->notifications.back().seq, 2U);
}

TEST_F(DispatcherTest, AServiceThatSaysTooMuchToAllIsLeftAloneForAsLong) {
  for (std::size_t i = 0; i <= LaneHealth::kFailuresInARow; ++i) {
    if (i == LaneHealth::kFailuresInARow) world_.pass(1s);
    world_.message(user("peer" + std::to_string(i)), bob_, 1);
  }
  poster_.window = LaneHealth::kFailuresInARow;  // the last is not on its way yet
  sender_->verdict = {.action = Action::retry, .reason = "QUOTA_EXCEEDED", .after = 60s, .of_all = true};
  pump();
  answer_checks();
  poster_.window = 0;
  for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) answer_post(429);
  poster_.window = 100;
  world_.pass(59s);
  pump();
  answer_checks();
  EXPECT_TRUE(poster_.posts.empty());
  world_.pass(1s);
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);  // the probe
}

TEST_F(DispatcherTest, CredentialsComeBeforePushes) {
  sender_->wants_credentials = true;
  push_one();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.body, "credentials");
  answer_post(500);
  EXPECT_TRUE(poster_.posts.empty());
  world_.pass(5s);
  pump();
  ASSERT_EQ(poster_.posts.size(), 1U);
  answer_post(200);
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts[0].request.body, "push-1");
}

TEST_F(DispatcherTest, AConnectionThatIsNoGoodIsLeft) {
  sender_->verdict = {.action = Action::remint, .reason = "ExpiredProviderToken", .close_connection = true};
  push_one();
  answer_post(403);
  EXPECT_THAT(poster_.renewed, testing::ElementsAre("https://fcm/send"));
  EXPECT_EQ(checks_.size(), 1U);  // again at once
}

// An app that browsers of two vendors use.
class DispatcherWebPushTest : public DispatcherTest {
 protected:
  DispatcherWebPushTest()
      : DispatcherTest(
            "webpush/app",
            LaneNames({{"webpush/app", AllowedHosts::parse({"one.example", "two.example"}).value()}})) {}

  void subscribe(const std::string& name, const std::string& host) {
    world_.decision.registered(push_test::browser(device(name), host, world_.now()), world_.now());
    sender_->urls.insert_or_assign(user(name), "https://" + host + "/");
  }
  void fail_all_of_one() {
    sender_->verdict = {.action = Action::retry, .reason = "not sent", .after = 30s};
    for (std::size_t i = 0; i < LaneHealth::kFailuresInARow; ++i) {
      const auto name = "user" + std::to_string(i);
      subscribe(name, "sub.one.example");
      world_.message(alice_, user(name), 1);
    }
    pump();
    answer_checks();
    while (!poster_.posts.empty()) answer_post(0, PostResult::Kind::not_sent);
    sender_->verdict = {.action = Action::sent, .reason = "sent"};
  }
};

TEST_F(DispatcherWebPushTest, AVendorThatIsDownHoldsUpNoOther) {
  fail_all_of_one();
  subscribe("bob", "two.example");
  subscribe("carol", "one.example");
  world_.message(alice_, bob_, 1);
  world_.message(alice_, user("carol"), 1);
  pump();
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts.front().request.url, "https://two.example/");
  answer_post(200);
  EXPECT_FALSE(world_.job(device("bob"), alice_));
  EXPECT_FALSE(world_.job(device("carol"), alice_)->leased);
}

TEST_F(DispatcherWebPushTest, WhatWaitsFollowsItsDeviceToAnotherVendor) {
  fail_all_of_one();
  subscribe("bob", "one.example");
  world_.message(alice_, bob_, 1);
  pump();
  EXPECT_TRUE(checks_.empty());
  subscribe("bob", "two.example");
  pump();
  answer_checks();
  EXPECT_EQ(poster_.posts.size(), 1U);
}

TEST_F(DispatcherWebPushTest, ADeviceThatGoesToAnotherVendorMeanwhileIsAskedAboutAgain) {
  subscribe("bob", "one.example");
  world_.message(alice_, bob_, 1);
  pump();
  subscribe("bob", "two.example");
  answer_checks();
  EXPECT_TRUE(poster_.posts.empty());
  pump();
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(poster_.posts.front().request.url, "https://two.example/");
}

}  // namespace
}  // namespace duet
