#include "push_bridge/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;
using testing::Eq;
using testing::Optional;

class DecisionTest : public testing::Test {
 protected:
  DecisionTest() {
    world_.register_phone(phone_);
    world_.register_phone(tablet_);
  }
  auto wait(const Device& device) { return world_.wait(device, alice_); }

  push_test::World world_;
  const UserId alice_ = user("alice");
  const UserId bob_ = user("bob");
  const Device phone_ = device("bob", "phone");
  const Device tablet_ = device("bob", "tablet");
};

TEST_F(DecisionTest, AnOfflineDeviceIsPushedAtOnceAndAnOnlineOneAfterTheGraceTime) {
  world_.online(tablet_);
  world_.message(alice_, bob_, 1);
  EXPECT_THAT(wait(phone_), Optional(0ms));
  EXPECT_THAT(wait(tablet_), Optional(10s));
}

TEST_F(DecisionTest, TheSenderAndUnregisteredUsersGetNone) {
  world_.message(bob_, alice_, 1);
  EXPECT_EQ(world_.database.jobs().size(), 0U);
}

TEST_F(DecisionTest, LaterMessagesJoinTheOneThatWaits) {
  world_.message(alice_, bob_, 1);
  world_.pass(1s);
  world_.message(alice_, bob_, 2);
  EXPECT_EQ(world_.job(phone_, alice_)->last_seq, 2U);
  EXPECT_THAT(wait(phone_), Optional(0ms));
  EXPECT_EQ(world_.database.jobs().size(), 2U);
}

TEST_F(DecisionTest, EventsThatAreToldTwiceChangeNothing) {
  world_.message(alice_, bob_, 2);
  world_.message(alice_, bob_, 1);
  EXPECT_EQ(world_.job(phone_, alice_)->last_seq, 2U);
}

TEST_F(DecisionTest, WhoGoesOfflineIsPushedAtOnce) {
  world_.online(phone_);
  world_.message(alice_, bob_, 1);
  world_.pass(4s);
  world_.online(phone_, false);
  EXPECT_THAT(wait(phone_), Optional(0ms));
}

TEST_F(DecisionTest, WhoComesOnlineHasTheGraceTimeToSayThatItHasIt) {
  world_.message(alice_, bob_, 1);
  world_.online(phone_);
  EXPECT_THAT(wait(phone_), Optional(10s));
  EXPECT_THAT(wait(tablet_), Optional(0ms));
}

TEST_F(DecisionTest, ADeviceThatConfirmsEndsItsOwnPushOnly) {
  world_.online(phone_);
  world_.message(alice_, bob_, 1);
  world_.receipt(bob_, alice_, 1, 0, phone_.device);
  EXPECT_EQ(wait(phone_), std::nullopt);
  EXPECT_THAT(wait(tablet_), Optional(0ms));
}

TEST_F(DecisionTest, MarksOfTheUserWithoutADeviceAreNoConfirmation) {
  world_.message(alice_, bob_, 1);
  world_.receipt(bob_, alice_, 1, 0);
  EXPECT_THAT(wait(phone_), Optional(0ms));
}

TEST_F(DecisionTest, WhatWasReadAnywhereIsPushedNowhere) {
  world_.message(alice_, bob_, 1);
  world_.receipt(bob_, alice_, 1, 1);
  EXPECT_EQ(wait(phone_), std::nullopt);
  EXPECT_EQ(wait(tablet_), std::nullopt);
  EXPECT_EQ(world_.counters.cancelled, 2U);
}

TEST_F(DecisionTest, ReadingAnEarlierMessageEndsNothing) {
  world_.message(alice_, bob_, 2);
  world_.receipt(bob_, alice_, 2, 1);
  EXPECT_THAT(wait(phone_), Optional(0ms));
}

TEST_F(DecisionTest, ADeviceThatKeepsConfirmingIsAlive) {
  world_.online(phone_);
  world_.message(alice_, bob_, 1);
  world_.pass(9s);
  world_.message(alice_, bob_, 2);
  world_.receipt(bob_, alice_, 1, 0, phone_.device);
  EXPECT_THAT(wait(phone_), Optional(10s));
}

TEST_F(DecisionTest, PushesOfOneConversationComeAtLongerAndLongerPauses) {
  Seq seq = 0;
  for (const auto pause : {0ms, 3000ms, 30000ms, 300000ms, 300000ms}) {
    world_.message(alice_, bob_, ++seq);
    EXPECT_THAT(wait(phone_), Optional(Eq(pause))) << seq;
    world_.pass(pause);
    world_.send(*world_.job(phone_, alice_));
  }
}

TEST_F(DecisionTest, FiftyMessagesAreAtMostThreePushes) {
  int pushes = 0;
  for (Seq seq = 1; seq <= 50; ++seq) {
    world_.message(alice_, bob_, seq);
    if (wait(phone_) == 0ms) {
      world_.send(*world_.job(phone_, alice_));
      ++pushes;
    }
    world_.pass(200ms);
  }
  world_.pass(20s);
  if (wait(phone_) == 0ms) ++pushes;
  EXPECT_EQ(pushes, 2);
}

TEST_F(DecisionTest, AnotherConversationHasPausesOfItsOwn) {
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(phone_, alice_));
  world_.message(user("carol"), bob_, 1);
  EXPECT_THAT(world_.wait(phone_, user("carol")), Optional(0ms));
}

TEST_F(DecisionTest, AConfirmationEndsThePauses) {
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(phone_, alice_));
  world_.message(alice_, bob_, 2);
  EXPECT_THAT(wait(phone_), Optional(3s));
  world_.receipt(bob_, alice_, 1, 0, phone_.device);
  EXPECT_THAT(wait(phone_), Optional(0ms));
}

TEST_F(DecisionTest, GoingOfflineDoesNotShortenAPause) {
  world_.online(phone_);
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(phone_, alice_));
  world_.message(alice_, bob_, 2);
  world_.online(phone_, false);
  EXPECT_THAT(wait(phone_), Optional(3s));
}

TEST_F(DecisionTest, ReadingTheRestEndsThePauses) {
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(phone_, alice_));
  world_.message(alice_, bob_, 2);
  world_.receipt(bob_, alice_, 1, 1);
  EXPECT_THAT(wait(phone_), Optional(0ms));
}

TEST_F(DecisionTest, AMessageDuringAnAttemptIsAnotherPush) {
  world_.message(alice_, bob_, 1);
  auto job = *world_.job(phone_, alice_);
  job.leased = true;
  job.push_id = "first";
  job.push_seq = 1;
  world_.database.jobs().save(job);
  world_.message(alice_, bob_, 2);
  world_.decision.sent(job, world_.now());
  const auto next = world_.job(phone_, alice_);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->last_seq, 2U);
  EXPECT_EQ(next->push_id, "");
  EXPECT_FALSE(next->leased);
  EXPECT_THAT(wait(phone_), Optional(3s));
}

TEST_F(DecisionTest, WhatIsConfirmedDuringAnAttemptIsNotTriedAgain) {
  world_.message(alice_, bob_, 1);
  auto job = *world_.job(phone_, alice_);
  job.leased = true;
  world_.database.jobs().save(job);
  world_.receipt(bob_, alice_, 1, 0, phone_.device);
  EXPECT_TRUE(world_.job(phone_, alice_));  // until the answer has come
  EXPECT_EQ(world_.decision.still_wanted(job, world_.now()), std::nullopt);
  EXPECT_FALSE(world_.job(phone_, alice_));
}

TEST_F(DecisionTest, WhatWasReadElsewhereAfterAPushIsToldToTheDeviceOnce) {
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(phone_, alice_));
  world_.receipt(bob_, alice_, 1, 1);
  world_.receipt(bob_, alice_, 1, 1, tablet_.device);
  const auto badge = world_.badge(phone_, alice_);
  ASSERT_TRUE(badge);
  EXPECT_EQ(badge->due, world_.now() + Decision::kBadgeSettles);
  EXPECT_FALSE(world_.badge(tablet_, alice_));  // no push went there
}

TEST_F(DecisionTest, TheDeviceThatHasReadItselfNeedsNoWord) {
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(phone_, alice_));
  world_.receipt(bob_, alice_, 1, 1);  // the user's marks, which may come first
  world_.receipt(bob_, alice_, 1, 1, phone_.device);
  EXPECT_FALSE(world_.badge(phone_, alice_));
}

TEST_F(DecisionTest, SilentPushesComeAtMostOnceAMinute) {
  for (Seq seq = 1; seq <= 2; ++seq) {
    world_.message(alice_, bob_, seq);
    world_.send(*world_.job(phone_, alice_));
    world_.receipt(bob_, alice_, seq, seq);
    ASSERT_TRUE(world_.badge(phone_, alice_));
    if (seq == 1) world_.send(*world_.badge(phone_, alice_));
  }
  EXPECT_EQ(world_.badge(phone_, alice_)->due, world_.now() + Decision::kBadgeEvery);
}

TEST_F(DecisionTest, ABrowserIsToldNothingSilently) {
  const Device browser = device("bob", "browser");
  world_.decision.registered(
      {.device = browser,
       .app = "app",
       .target = WebPushTarget{"https://push.example/1", {std::string(65, '\x04'), std::string(16, 'a')}},
       .registered_at = world_.now(),
       .generation = 0},
      world_.now());
  world_.message(alice_, bob_, 1);
  world_.send(*world_.job(browser, alice_));
  world_.receipt(bob_, alice_, 1, 1);
  EXPECT_FALSE(world_.badge(browser, alice_));
}

TEST_F(DecisionTest, TheStoreHasTheLastWord) {
  world_.message(alice_, bob_, 2);
  const auto job = *world_.job(phone_, alice_);
  using Standing = PushCheckAnswer::Standing;
  const auto objection = [&](std::optional<Standing> standing) {
    return world_.decision.objection(job, standing).has_value();
  };
  EXPECT_FALSE(objection(Standing{1, 2, false, false, 1}));
  EXPECT_TRUE(objection(Standing{2, 2, false, false, 0}));
  EXPECT_TRUE(objection(Standing{1, 2, true, false, 0}));
  EXPECT_TRUE(objection(Standing{1, 2, false, true, 0}));
  EXPECT_TRUE(objection(std::nullopt));
}

TEST_F(DecisionTest, AnUnregisteredDeviceWantsNothing) {
  world_.message(alice_, bob_, 1);
  world_.decision.unregistered(phone_, world_.now());
  EXPECT_FALSE(world_.job(phone_, alice_));
  EXPECT_FALSE(world_.database.registrations().find(phone_));
  world_.message(alice_, bob_, 2);
  EXPECT_FALSE(world_.job(phone_, alice_));
}

TEST_F(DecisionTest, WhatWasWantedForTooLongExpires) {
  world_.message(alice_, bob_, 1);
  world_.pass(24h);
  EXPECT_FALSE(world_.decision.expire(world_.now()));
  EXPECT_EQ(world_.database.jobs().size(), 0U);
  EXPECT_EQ(world_.counters.expired, 2U);
}

TEST_F(DecisionTest, WhyTellsWhatCameOfAMessage) {
  world_.message(alice_, bob_, 1);
  world_.pass(1s);
  world_.receipt(bob_, alice_, 1, 1);
  const auto decisions = world_.database.decisions().of_message("m1");
  ASSERT_EQ(decisions.size(), 2U);
  EXPECT_EQ(decisions[0].decided, decided::kWanted);
  EXPECT_EQ(decisions[0].device, phone_);
  const auto later = world_.database.decisions().after(decisions[0]);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].decided, decided::kCancelled);
  EXPECT_THAT(later[0].why, testing::HasSubstr("read"));
}

}  // namespace
}  // namespace duet
