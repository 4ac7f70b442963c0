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
  answer_post(200);
  EXPECT_EQ(sender_->notifications.at(0).seq, 1U);
  ASSERT_TRUE(job());  // of the other
  world_.pass(3s);
  pump();
  ASSERT_EQ(checks_.size(), 1U);
  EXPECT_EQ(checks_[0].of, (std::vector<PushCheck::Pair>{{bob_, alice_, 2}}));
  world_.message(alice_, bob_, 3);
  answer_checks();  // no text: the push may as well speak of the last
  ASSERT_EQ(sender_->notifications.size(), 2U);
  EXPECT_EQ(sender_->notifications[1].seq, 3U);
  EXPECT_FALSE(sender_->notifications[1].preview);
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
