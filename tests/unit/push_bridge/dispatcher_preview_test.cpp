// Pushes that say how the message begins.

#include "tests/unit/push_bridge/dispatcher_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;

class DispatcherPreviewTest : public DispatcherTest {
 protected:
  Registration previewing(const Device& device) {
    auto registration = push_test::fcm(device, "token-of-" + format_client_id(device), world_.now());
    std::get<FcmTarget>(registration.target).preview = DeviceKeys{"key", "secret"};
    return registration;
  }
  void want_previews() { world_.decision.registered(previewing(phone_), world_.now()); }
  static PushCheckAnswer::Standing with_text(std::string text) {
    return {.read = 0, .last = 99, .blocked = false, .muted = false, .badge = 7, .text = std::move(text)};
  }
};

TEST_F(DispatcherPreviewTest, ATextIsAskedForOnlyForADeviceThatWantsIt) {
  want_previews();
  const Device tablet = device("bob", "tablet");  // wants none
  world_.register_phone(tablet);
  world_.message(alice_, bob_, 3);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_THAT(checks_[0].of,
              testing::UnorderedElementsAre(PushCheck::Pair{bob_, alice_, 3}, PushCheck::Pair{bob_, alice_}));
  answer_checks(with_text("hello"));  // to both, whatever was asked
  ASSERT_EQ(sender_->notifications.size(), 2U);
  for (const auto& says : sender_->notifications) {
    ASSERT_EQ(says.preview.has_value(), says.to == phone_);
    if (!says.preview) continue;
    EXPECT_EQ(says.preview->from, alice_);
    EXPECT_EQ(says.preview->text, "hello");
  }
}

TEST_F(DispatcherPreviewTest, APushSpeaksOfTheMessageWhoseTextItHas) {
  want_previews();
  world_.message(alice_, bob_, 1);
  pump();
  world_.message(alice_, bob_, 2);
  answer_checks(with_text("one"));
  EXPECT_TRUE(poster_.posts.empty());
  ASSERT_EQ(checks_.size(), 1U);  // of the newest, at once
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_, 2}}));
  answer_checks(with_text("two"));
  answer_post(200);
  ASSERT_EQ(sender_->notifications.size(), 1U);
  EXPECT_EQ(sender_->notifications[0].seq, 2U);
  EXPECT_EQ(sender_->notifications[0].preview->text, "two");
  EXPECT_EQ(sender_->kept_texts, 0);
  EXPECT_FALSE(job());  // it spoke of both
}

TEST_F(DispatcherPreviewTest, MessagesThatKeepComingHoldNoPushUp) {
  want_previews();
  world_.message(alice_, bob_, 1);
  pump();
  world_.message(alice_, bob_, 2);
  answer_checks(with_text("one"));
  world_.message(alice_, bob_, 3);
  answer_checks(with_text("two"));
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(sender_->notifications.at(0).seq, 3U);
  EXPECT_FALSE(sender_->notifications.at(0).preview);
  answer_post(200);
  EXPECT_FALSE(job());
}

TEST_F(DispatcherPreviewTest, WhatIsSaidOfAPushIsOfTheMessageItSpeaksOf) {
  want_previews();
  world_.message(alice_, bob_, 1);
  pump();
  answer_checks(with_text("one"));
  world_.message(alice_, bob_, 2);  // while it is on its way
  answer_post(200);
  const auto first = world_.database.decisions().of_message("m1");
  ASSERT_FALSE(first.empty());
  const auto then = world_.database.decisions().after(first.front());
  ASSERT_FALSE(then.empty());
  EXPECT_EQ(then.back().decided, decided::kSent);
  EXPECT_EQ(then.back().seq, 1U);
}

// A receipt for the first of two messages ends no job: it would be shown although it was read.
TEST_F(DispatcherPreviewTest, ATextThatWaitsForRoomIsAskedForAgainWhenAnotherMessageCame) {
  want_previews();
  poster_.window = 0;
  world_.message(alice_, bob_, 1);
  pump();
  answer_checks(with_text("one"));
  world_.message(alice_, bob_, 2);
  world_.receipt(bob_, alice_, 1, 1);
  poster_.window = 1;
  pump();
  EXPECT_TRUE(poster_.posts.empty());
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  answer_checks({.read = 1, .last = 2, .blocked = false, .muted = false, .badge = 1, .text = "two"});
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_EQ(sender_->notifications.back().preview->text, "two");
}

TEST_F(DispatcherPreviewTest, ADeviceThatHasTakenItBackIsShownNothing) {
  want_previews();
  world_.message(alice_, bob_, 1);
  pump();
  world_.register_phone(phone_);  // between question and answer
  answer_checks(with_text("one"));
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_FALSE(sender_->notifications.back().preview);
}

TEST_F(DispatcherPreviewTest, ADeviceThatTakesItBackWhileItWaitsIsShownNothing) {
  want_previews();
  poster_.window = 0;
  world_.message(alice_, bob_, 1);
  pump();
  answer_checks(with_text("one"));
  world_.register_phone(phone_);
  poster_.window = 1;
  pump();
  EXPECT_TRUE(poster_.posts.empty());
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_}}));
  answer_checks();
  ASSERT_EQ(poster_.posts.size(), 1U);
  EXPECT_FALSE(sender_->notifications.back().preview);
}

TEST_F(DispatcherPreviewTest, EachTextIsForTheDeviceThatAsked) {
  constexpr int kOffline = 300;
  for (int i = 0; i < kOffline; ++i) {
    const Device one = device("user" + std::to_string(i));
    if (i % 2 == 0) {
      world_.decision.registered(previewing(one), world_.now());
    } else {
      world_.register_phone(one);
    }
    world_.message(alice_, one.user, static_cast<Seq>(i) + 1);
    world_.pass(1ms);
  }
  for (int round = 0; round < 2; ++round) {
    pump();
    for (const auto& check : std::exchange(checks_, {})) {
      PushCheckAnswer answer{check.req, {}};
      for (const auto& pair : check.of) {
        auto standing = with_text("for " + pair.user.str());
        if (!pair.preview) standing.text.reset();
        answer.of.emplace_back(std::move(standing));
      }
      dispatcher_->on_check(answer, world_.instant());
    }
    pump();
    while (!poster_.posts.empty()) answer_post(200);
  }
  ASSERT_EQ(sender_->notifications.size(), static_cast<std::size_t>(kOffline));
  for (const auto& says : sender_->notifications) {
    const int number = std::stoi(says.to.user.str().substr(4));
    EXPECT_EQ(says.seq, static_cast<Seq>(number) + 1);
    ASSERT_EQ(says.preview.has_value(), number % 2 == 0) << number;
    if (!says.preview) continue;
    EXPECT_EQ(says.preview->text, "for " + says.to.user.str());
  }
}

TEST_F(DispatcherPreviewTest, SilentPushesAskForNoText) {
  want_previews();
  push_one();
  answer_post(200);
  world_.receipt(bob_, alice_, 1, 1);
  world_.pass(Decision::kBadgeSettles);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_}}));
}

TEST_F(DispatcherPreviewTest, NoCheckAsksForMoreTextsThanItMay) {
  constexpr std::size_t kPhones = 2 * kMaxPushPreviews + 1;
  for (std::size_t i = 0; i < kPhones; ++i) {
    const Device one = device("user" + std::to_string(i));
    world_.decision.registered(previewing(one), world_.now());
    world_.message(alice_, one.user, 1);
  }
  std::size_t asked = 0;
  for (int i = 0; i < 2; ++i) {  // a lane leases no more than kMaxPushChecks at once
    pump();
    for (const auto& check : checks_) {
      EXPECT_LE(check.of.size(), kMaxPushPreviews);
      EXPECT_TRUE(parse_push_check(format_push_check(check)));
      asked += check.of.size();
    }
    answer_checks(with_text("hello"));
  }
  EXPECT_EQ(asked, kPhones);
  EXPECT_EQ(sender_->notifications.at(0).preview->text, "hello");
}

}  // namespace
}  // namespace duet
