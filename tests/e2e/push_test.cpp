// Who is not connected is woken, once, by a push that says nothing; who is, is not. The providers are a
// double, as strict as they are.

#include <gmock/gmock.h>

#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class Push : public PushPlatformTest<Push> {
 protected:
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
  // What `devices` says of the user's device.
  static json device_row(TestDevice& asking, const std::string& device) {
    const json devices = asking.result("devices").at("devices");
    for (const json& row : devices) {
      if (row.at("device") == device) return row;
    }
    return json::object();
  }

  const std::string token_ = "token-of-" + bob_;
};

TEST_F(Push, WhoIsOfflineIsWokenOnEveryPlatformAndLearnsNothingFromThePush) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  const std::string hex = "00c0ffee" + std::string(56, 'a');
  auto tablet = online(bob_, "tablet");
  register_push(*tablet, {{"platform", "apns"}, {"token", hex}});
  tablet->go_offline();
  const json subscription = providers_->subscribe();
  auto browser = online(bob_, "browser");
  register_push(*browser, {{"platform", "webpush"}, {"token", subscription}});
  browser->go_offline();

  const Envelope sent = alice->send(bob_, "a-word-that-nobody-says");
  const std::string endpoint = subscription.at("endpoint");
  for (const auto& token : {token_, hex, endpoint.substr(endpoint.rfind('/') + 1)}) {
    const auto push = wait_push(token);
    const std::string all = push.payload.dump() + push.headers.dump();
    for (const auto& secret : {std::string("a-word-that-nobody-says"), alice_, sent.id.str()}) {
      EXPECT_THAT(all, Not(HasSubstr(secret))) << push.provider;
    }
    EXPECT_THAT(bridge_->log(), Not(HasSubstr(token)));
  }
  EXPECT_THAT(bridge_->log(), Not(HasSubstr("a-word-that-nobody-says")));
  EXPECT_THAT(bridge_->why(sent.id.str(), "sent"), HasSubstr("offline"));
}

// Chrome's push service does not wait for Mozilla's.
TEST_F(Push, AServiceOfBrowsersThatIsDownHoldsUpNoOther) {
  constexpr int kEnoughToBeSure = 6;
  const auto alice = online(alice_);
  const std::string dead = std::string("chat@") + BridgeProcess::kDeadHost;
  std::string waiting;  // the first: later ones may come when nothing is sent there any more
  for (int i = 0; i < kEnoughToBeSure; ++i) {
    auto user = online(fresh_user("user"), "browser");
    json subscription = providers_->subscribe();
    subscription["endpoint"] = std::string("https://") + BridgeProcess::kDeadHost + "/" + user->user();
    register_push(*user, {{"platform", "webpush"}, {"token", subscription}});
    user->go_offline();
    const std::string id = alice->send(user->user(), "hello").id.str();
    if (waiting.empty()) waiting = id;
  }
  EXPECT_TRUE(
      eventually([&] { return bridge_->log().find(dead + " fails again and again") != std::string::npos; }));
  const json subscription = providers_->subscribe();
  auto bob = online(bob_, "browser");
  register_push(*bob, {{"platform", "webpush"}, {"token", subscription}});
  bob->go_offline();
  alice->send(bob_, "hello");
  const std::string endpoint = subscription.at("endpoint");
  wait_push(endpoint.substr(endpoint.rfind('/') + 1));
  EXPECT_THAT(bridge_->log(), Not(HasSubstr(dead + " works again")));
  EXPECT_THAT(bridge_->why(waiting, "retry"), HasSubstr("not sent"));
}

TEST_F(Push, WhoConfirmsGetsNoneAndTheGhostGetsItAfterTheGraceTime) {
  const auto alice = online(alice_);
  const auto bob = phone(bob_, token_);
  const std::string ghost = fresh_user("ghost");
  const auto lost = phone(ghost, "token-of-" + ghost);  // it never says that it has anything

  const Envelope confirmed = alice->send(bob_, "hello");
  const Envelope ignored = alice->send(ghost, "are you there?");
  bob->wait_message(alice_, confirmed.id.str());
  bob->receipt(alice_, "delivered", confirmed.seq);

  EXPECT_THAT(bridge_->why(confirmed.id.str(), "cancelled"), HasSubstr("has said that it has"));
  wait_push("token-of-" + ghost);
  EXPECT_THAT(bridge_->why(ignored.id.str(), "sent"), HasSubstr("grace"));
  EXPECT_TRUE(pushes_to(token_).empty());
}

TEST_F(Push, WhatWasReadElsewhereFirstIsNotPushed) {
  const auto alice = online(alice_);
  const auto bob = phone(bob_, token_);  // connected, and silent
  const auto tablet = online(bob_, "tablet");
  const Envelope sent = alice->send(bob_, "hello");
  tablet->wait_message(alice_, sent.id.str());
  tablet->receipt(alice_, "read", sent.seq);
  EXPECT_THAT(bridge_->why(sent.id.str(), "cancelled"), HasSubstr("read"));
  EXPECT_TRUE(pushes_to(token_).empty());
}

TEST_F(Push, WhatIsReadAfterAPushIsTakenFromTheBadgeSilently) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  const Envelope sent = alice->send(bob_, "hello");
  EXPECT_EQ(wait_push(token_).payload.at("data").at("badge"), "1");
  const auto tablet = online(bob_, "tablet");
  tablet->receipt(alice_, "read", sent.seq);
  const auto silent = wait_push(token_, 2);
  EXPECT_EQ(silent.payload.at("data").at("kind"), "badge");
  EXPECT_EQ(silent.payload.at("data").at("badge"), "0");
}

TEST_F(Push, WhatIsMutedIsDeliveredButNotPushed) {
  const auto alice = online(alice_);
  auto bob = phone(bob_, token_);
  alice->send(bob_, "hello");
  bob->result("mute", {{"with", alice_}});
  bob->receipt(alice_, "delivered", 1);
  bob->go_offline();
  const Envelope sent = alice->send(bob_, "still there?");
  EXPECT_THAT(bridge_->why(sent.id.str(), "cancelled"), HasSubstr("muted"));
  bob->go_online();
  EXPECT_EQ(bob->history(alice_).size(), 2U);
  bob->result("unmute", {{"with", alice_}});
  bob->go_offline();
  alice->send(bob_, "now?");
  wait_push(token_);
}

TEST_F(Push, FiftyMessagesAreAtMostThreePushesAndTheLastSpeaksOfThemAll) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  for (int i = 0; i < 50; ++i) alice->publish_message(bob_, "and another thing", TestDevice::fresh_id());
  EXPECT_TRUE(eventually([&] {
    const auto pushes = pushes_to(token_);
    return !pushes.empty() && seq_of(pushes.back()) == "50";
  }));
  EXPECT_LE(pushes_to(token_).size(), 3U);
}

TEST_F(Push, AKilledBridgeGoesOnWhereItWas) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  const std::string carol = fresh_user("carol");
  phone(carol, "token-of-" + carol)->go_offline();
  // The one push has reached the provider, and no answer the bridge; the other is not decided yet.
  providers_->plan(
      {.provider = PushProvider::fcm, .does = {{"do", "hang"}, {"accept", true}}, .token = token_});
  alice->send(bob_, "hello");
  const auto first = wait_push(token_);
  bridge_->kill();
  alice->send(carol, "hello");
  bridge_->start();
  wait_push("token-of-" + carol);
  const auto again = wait_push(token_, 2);
  EXPECT_EQ(again.id, first.id);  // the device knows it for the same
  EXPECT_EQ(pushes_to("token-of-" + carol).size(), 1U);
}

TEST_F(Push, ATokenThatIsGoneIsForgotten) {
  const auto alice = online(alice_);
  const std::string hex = "00dead00" + std::string(56, 'b');
  auto bob = online(bob_);
  register_push(*bob, {{"platform", "apns"}, {"token", hex}});
  const int before = bridge_->registered();
  bob->go_offline();
  const auto later = std::chrono::system_clock::now() + std::chrono::minutes(1);
  providers_->plan(
      {.provider = PushProvider::apns,
       .does = {{"do", "answer"},
                {"status", 410},
                {"reason", "Unregistered"},
                {"timestamp",
                 std::chrono::duration_cast<std::chrono::milliseconds>(later.time_since_epoch()).count()}},
       .token = hex});
  const Envelope sent = alice->send(bob_, "hello");
  EXPECT_THAT(bridge_->why(sent.id.str(), "dropped"), HasSubstr("Unregistered"));
  EXPECT_TRUE(eventually([&] { return bridge_->registered() == before - 1; }));
  const auto laptop = online(bob_, "laptop");
  const auto row = [&] { return device_row(*laptop, "phone"); };
  EXPECT_TRUE(eventually([&] { return row().contains("push_refused"); }));
  EXPECT_EQ(row().at("push"), json());
  EXPECT_THAT(row().at("push_refused").get<std::string>(), HasSubstr("Unregistered"));
}

TEST_F(Push, DevicesSaysThatARegistrationIsRefusedUntilAnotherOneIsTaken) {
  const auto bob = online(bob_);
  const auto row = [&] { return device_row(*bob, "phone"); };
  const auto refused = [&](const json& registration, const std::string& why) {
    bob->mqtt().publish(push_says(*bob, registration));
    EXPECT_TRUE(eventually([&] { return row().value("push_refused", "").find(why) != std::string::npos; }))
        << row();
    EXPECT_EQ(row().at("push"), json());
  };
  refused({{"platform", "fcm"}, {"token", token_}, {"app", "unknown"}}, "its app is not configured");
  refused({{"platform", "apns"}, {"token", "no hexadecimal"}}, "hexadecimal");
  register_push(*bob, {{"platform", "fcm"}, {"token", token_}});
  EXPECT_TRUE(eventually([&] { return row().at("push") == "fcm"; }));
  EXPECT_FALSE(row().contains("push_refused"));
}

// Somebody else's phone, or the same one after its user has changed.
TEST_F(Push, DevicesSaysThatAnotherDeviceHasRegisteredTheToken) {
  const auto bob = phone(bob_, token_);
  const auto alice = online(alice_);
  alice->mqtt().publish(push_says(*alice, {{"platform", "fcm"}, {"token", token_}}));
  EXPECT_TRUE(eventually([&] { return device_row(*alice, "phone").at("push") == "fcm"; }));
  EXPECT_TRUE(eventually([&] {
    return device_row(*bob, "phone").value("push_refused", "").find("another device") != std::string::npos;
  }));
}

TEST_F(Push, AnOperatorCanTryItAndIsToldWhatIsWrong) {
  phone(bob_, token_)->go_offline();
  const auto good = bridge_->command({"test", "--user", bob_});
  EXPECT_EQ(good.status, 0) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("accepted"));
  EXPECT_THAT(good.out, Not(HasSubstr(token_)));
  wait_push(token_);
  const auto nobody = bridge_->command({"test", "--user", "nobody"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_EQ(bridge_->command({"why", "no-such-message"}).status, 1);
}

TEST_F(Push, WhoTakesItsRegistrationBackGetsNoMore) {
  const auto alice = online(alice_);
  auto bob = phone(bob_, token_);
  const int before = bridge_->registered();
  bob->mqtt().publish(push_says(*bob, {{"platform", nullptr}}));
  EXPECT_TRUE(eventually([&] { return bridge_->registered() == before - 1; }));
  bob->go_offline();
  const std::string carol = fresh_user("carol");
  phone(carol, "token-of-" + carol)->go_offline();
  alice->send(bob_, "hello");
  alice->send(carol, "hello");  // after it
  wait_push("token-of-" + carol);
  EXPECT_TRUE(pushes_to(token_).empty());
}

}  // namespace
}  // namespace duet
