// block and unblock: what a blocked user can no longer do, and what he is not told.

#include <gmock/gmock.h>

#include <csignal>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class Blocks : public SharedPlatformTest<Blocks> {
 protected:
  // Publishes and expects to be refused as blocked.
  static void expect_blocked(TestDevice& sender, const std::string& topic, const std::string& payload,
                             int qos = 1) {
    const std::size_t before = sender.errors().size();
    const int reason =
        sender.mqtt().publish({.topic = topic, .payload = payload, .qos = qos, .correlation = {}});
    if (qos == 1) {
      EXPECT_EQ(reason, sender.version() == MqttVersion::v5 ? kNotAuthorized : kSuccess) << topic;
    }
    ASSERT_TRUE(eventually([&] { return sender.errors().size() > before; })) << topic;
    EXPECT_EQ(sender.errors().back().refusal.code, ErrorCode::blocked);
    EXPECT_EQ(sender.errors().back().topic, topic);
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Blocks, AreInForceWhenTheReplyHasCome) {
  const auto alice = online(alice_);
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    const auto bob = online(bob_, "phone", version);
    alice->send(bob_, "hello");
    bob->send(alice_, "hello");
    const std::size_t stored = alice->history(bob_).size();
    alice->result("block", {{"with", bob_}});
    expect_blocked(*bob, msg_topic(bob_, alice_), R"({"id": "b1", "body": "evil"})");
    EXPECT_EQ(bob->errors().back().id->str(), "b1");
    expect_blocked(*bob, receipt_topic(bob_, alice_), R"({"read": 1})");
    expect_blocked(*bob, typing_topic(bob_, alice_), R"({"typing": true})", 0);
    EXPECT_EQ(alice->result("blocks").at("users"), json::array({bob_}));
    EXPECT_EQ(alice->history(bob_).size(), stored);
    for (const Received& received : alice->mqtt().inbox()) {
      EXPECT_EQ(received.payload.find("evil"), std::string::npos);
      EXPECT_NE(received.topic, in_topic(alice_, bob_, InKind::typing));
    }
    alice->result("unblock", {{"with", bob_}});
    EXPECT_THAT(alice->result("blocks").at("users"), IsEmpty());
    bob->send(alice_, "friends again");
  }
}

TEST_F(Blocks, ConcernNobodyElse) {
  const std::string carol_name = fresh_user("carol");
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  const auto carol = online(carol_name);
  alice->result("block", {{"with", bob_}});
  bob->send(carol_name, "still friends");
  carol->send(alice_, "hello");
  alice->send(bob_, "the blocker may still write");  // the blocked one may not
  expect_blocked(*bob, msg_topic(bob_, alice_), R"({"body": "x"})");
  EXPECT_THAT(bob->result("blocks").at("users"), IsEmpty());
}

TEST_F(Blocks, HidePresence) {
  const auto alice = online(alice_);
  auto bob = online(bob_);
  alice->send(bob_, "hello");
  EXPECT_EQ(bob->error_of("presence", {{"with", alice_}}), "");
  alice->result("block", {{"with", bob_}});
  EXPECT_EQ(bob->error_of("presence", {{"with", alice_}}), "not_found");
  const auto about_alice = [&] {
    std::size_t count = 0;
    for (const Received& received : bob->mqtt().inbox()) {
      count += received.topic == in_topic(bob_, alice_, InKind::presence) ? 1U : 0U;
    }
    return count;
  };
  const std::size_t before = about_alice();
  // carol hears of alice's going and coming; so bob would have heard by then.
  const auto carol = online(fresh_user("carol"));
  alice->send(carol->user(), "hello");
  carol->result("presence", {{"with", alice_}});
  for (const bool state : {false, true}) {
    alice->mqtt().publish({.topic = alice->presence_topic(),
                           .payload = json{{"state", state ? "online" : "offline"}}.dump(),
                           .correlation = {}});
    carol->wait_for(
        [&](const Received& received) {
          return received.topic == in_topic(carol->user(), alice_, InKind::presence) &&
                 received.json().at("online") == state;
        },
        "alice's presence");
  }
  carol->send(bob_, "a marker");
  bob->round_trip();
  EXPECT_EQ(about_alice(), before);
}

// Whatever the blocked user can ask for is as it was before.
TEST_F(Blocks, TellTheBlockedUserNothingMore) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  alice->send(bob_, "hello");
  bob->send(alice_, "hello");
  alice->receipt(bob_, "read", 2);
  bob->wait_receipt(alice_, alice_, 2, 2);
  const auto all_that_bob_sees = [&] {
    json seen = json::array();
    for (const char* method : {"conversations", "blocks", "sync"}) seen.push_back(bob->result(method));
    seen.push_back(bob->result("history", {{"with", alice_}}));
    const json devices = bob->result("devices");
    for (const auto& device : devices.at("devices")) seen.push_back(device.at("device"));
    return seen;
  };
  const json before = all_that_bob_sees();
  const std::size_t marks = alice->sync().changes.size();

  alice->result("block", {{"with", bob_}});
  EXPECT_EQ(all_that_bob_sees(), before);
  const auto tablet = online(bob_, "tablet");  // a device that comes later is blocked as well
  expect_blocked(*tablet, msg_topic(bob_, alice_), R"({"body": "x"})");
  expect_blocked(*tablet, receipt_topic(bob_, alice_), R"({"read": 2})");
  EXPECT_EQ(tablet->error_of("presence", {{"with", alice_}}), "not_found");
  EXPECT_EQ(alice->sync().changes.size(), marks) << "his receipt is in nobody's log";

  alice->result("unblock", {{"with", bob_}});
  EXPECT_EQ(bob->error_of("presence", {{"with", alice_}}), "");
  bob->receipt(alice_, "read", 2);
  alice->wait_receipt(bob_, bob_, 2, 2);
}

TEST_F(Blocks, AreInForceBetweenStrangersToo) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  alice->result("block", {{"with", bob_}});
  expect_blocked(*bob, msg_topic(bob_, alice_), R"({"body": "x"})");
  expect_blocked(*bob, receipt_topic(bob_, alice_), R"({"read": 1})");
  expect_blocked(*bob, typing_topic(bob_, alice_), R"({"typing": true})", 0);
  // The same as of a user who does not exist.
  const auto error = [&](const std::string& who) {
    return bob->request("presence", {{"with", who}}).at("error");
  };
  EXPECT_EQ(error(alice_), error(fresh_user("nobody")));
  EXPECT_THAT(alice->result("conversations").at("conversations"), IsEmpty());
  EXPECT_THAT(bob->result("conversations").at("conversations"), IsEmpty());
}

TEST_F(Blocks, AreIdempotentAndShownInConversations) {
  const auto alice = online(alice_);
  alice->send(bob_, "hello");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(alice->result("block", {{"with", bob_}}), json::object());
  EXPECT_EQ(alice->result("blocks").at("users").size(), 1U);
  EXPECT_EQ(alice->result("conversations").at("conversations").at(0).at("blocked"), true);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(alice->result("unblock", {{"with", bob_}}), json::object());
  EXPECT_EQ(alice->result("conversations").at("conversations").at(0).at("blocked"), false);
}

class BlocksAcrossCrashes : public OwnPlatformTest {};

TEST_F(BlocksAcrossCrashes, AreKept) {
  auto alice = online("alice");
  auto bob = online("bob");
  alice->send("bob", "hello");
  alice->result("block", {{"with", "bob"}});
  const auto expect_blocked = [&] {
    bob->publish_message("alice", "evil", TestDevice::fresh_id());
    bob->wait_error(ErrorCode::blocked, msg_topic("bob", "alice"));
    bob->go_online();  // with an empty inbox, for the next time
    EXPECT_EQ(bob->history("alice").size(), 1U);
  };
  platform().kill_and_await({Service::store});
  bob->await_store();
  expect_blocked();
  platform().kill_and_await({Service::broker});
  bob->go_online();
  bob->await_store();
  expect_blocked();
  // The broker has not heard of the block yet when it takes the message; the store has the last word.
  platform().kill(Service::store, SIGSTOP);
  const pid_t store = platform().pid(Service::store);
  platform().kill_and_await({Service::broker});
  bob->go_online();
  bob->publish_message("alice", "evil", "early");
  ::kill(store, SIGKILL);
  platform().await_replaced(Service::store, store);
  bob->await_store();
  bob->wait_error(ErrorCode::blocked, msg_topic("bob", "alice"));
  EXPECT_EQ(bob->history("alice").size(), 1U);
}

}  // namespace
}  // namespace duet
