// What somebody may do whom the other does not know yet: begin so many conversations, and, where consent is
// required, send a few messages and learn nothing until they are accepted.

#include <gmock/gmock.h>

#include <fstream>

#include "client/client.h"
#include "tests/support/patience.h"
#include "tests/support/platform_test.h"
#include "tests/support/verify_platform.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kConsent = R"([limits]
messages_per_second = 0
requests_per_minute = 0
receipts_per_second = 0
new_conversations_per_hour = 0
require_consent = true
consent_messages = 2
[presence]
debounce_ms = 50
)";

std::string conversations_per_hour_config(int count) {
  return "[limits]\nmessages_per_second = 0\nnew_conversations_per_hour = " + std::to_string(count) + "\n";
}

json conversation(TestDevice& device, const std::string& peer) {
  const json result = device.result("conversations");
  for (const auto& one : result.at("conversations")) {
    if (one.at("peer") == peer) return one;
  }
  throw std::runtime_error("no conversation with " + peer);
}

// What the device was sent of this kind about the peer.
std::size_t heard(TestDevice& device, const std::string& peer, InKind kind) {
  const std::string topic = in_topic(device.user(), peer, kind);
  std::size_t count = 0;
  for (const Received& received : device.mqtt().inbox()) count += received.topic == topic ? 1U : 0U;
  return count;
}

std::size_t receipts_in(const Synced& synced) {
  std::size_t count = 0;
  for (const json& change : synced.changes) count += change.at("kind") == "receipt" ? 1U : 0U;
  return count;
}

void type_to(TestDevice& from, const std::string& peer) {
  from.mqtt().publish({.topic = typing_topic(from.user(), peer),
                       .payload = R"({"typing":true})",
                       .qos = 0,
                       .correlation = {}});
}

void wait_typing(TestDevice& device, const std::string& from) {
  device.wait_for(
      [&](const Received& received) {
        return received.topic == in_topic(device.user(), from, InKind::typing);
      },
      "typing of " + from);
}

// --- the limit of new conversations

class NewConversationLimit : public OwnPlatformTest {
 protected:
  NewConversationLimit() : OwnPlatformTest(conversations_per_hour_config(3)) {}
};

TEST_F(NewConversationLimit, RefusesTheNextForNowAndNothingElseAlsoAfterACrash) {
  auto alice = online("alice");
  const auto zoe = online("zoe");
  for (const char* peer : {"bob", "carol", "dave"}) alice->send(peer, "hello");
  for (const Service service : {Service::store, Service::broker}) {
    const std::string id = TestDevice::fresh_id();
    EXPECT_NE(alice->publish_message("erin", "hello", id), kNotAuthorized) << "it is the store that decides";
    const ErrorEvent error = alice->wait_error(ErrorCode::rate_limited, msg_topic("alice", "erin"));
    EXPECT_EQ(error.id->str(), id);
    ASSERT_TRUE(error.retry_after);
    EXPECT_GT(*error.retry_after, std::chrono::minutes(10));
    EXPECT_LE(*error.retry_after, std::chrono::minutes(20));
    EXPECT_THAT(alice->history("erin"), IsEmpty());

    alice->send("bob", "an old friend");
    zoe->go_online();
    zoe->send("erin", "everybody has a budget of their own");
    platform().kill_and_await({service});
    alice->go_online();
    alice->await_store();
  }
  zoe->go_online();
  zoe->send("alice", "hello");
  alice->send("zoe", "an answer begins nothing");
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

// Our own library waits as long as it is told, and keeps the order.
TEST(NewConversationRetry, TheClientLibrarySendsInOrderWhenItMay) {
  constexpr int kPerHour = 1200;  // one in three seconds
  TestPlatform platform(conversations_per_hour_config(kPerHour));
  TestDevice phone(platform, "alice", "phone");
  phone.go_online();
  for (int i = 0; i < kPerHour; ++i) {
    phone.mqtt().publish_async({.topic = msg_topic("alice", "peer" + std::to_string(i)),
                                .payload = R"({"id":"m","body":"x"})",
                                .correlation = {}});
  }
  phone.wait_sent("peer" + std::to_string(kPerHour - 1), "m");
  // What flowed in meanwhile goes too, until one is refused.
  for (int i = 0; phone.errors().empty(); ++i) {
    phone.publish_message("more" + std::to_string(i), "x", "m");
    phone.round_trip();
  }

  const TempDir state;
  std::atomic<int> sent = 0;
  ClientHandlers handlers;
  handlers.on_sent = [&](const Envelope& envelope) { sent += envelope.to.str() == "bob" ? 1 : 0; };
  Client client({.uri = "mqtt://127.0.0.1:" + std::to_string(platform.mqtt_port()),
                 .device = {*UserId::parse("alice"), *DeviceId::parse("library")},
                 .token = [&] { return platform.tokens().chat("alice"); },
                 .state_directory = state.path() / "state"},
                handlers);
  for (const char* body : {"1", "2", "3"}) ASSERT_TRUE(client.send(*UserId::parse("bob"), body));
  client.start();
  ASSERT_TRUE(eventually([&] { return sent == 3; }));
  std::vector<std::string> bodies;
  for (const Envelope& stored : phone.history("bob")) bodies.push_back(stored.body);
  EXPECT_THAT(bodies, ElementsAre("1", "2", "3"));
}

// --- consent

class Strangers : public SharedPlatformTest<Strangers>, public ::testing::WithParamInterface<MqttVersion> {
 public:
  static std::string_view config() { return kConsent; }

 protected:
  static std::unique_ptr<TestDevice> come(const std::string& user) {
    return online(user, "phone", GetParam());
  }

  // alice has asked bob twice, and bob's device has said that he read it.
  void ask() {
    alice_->send(bob_->user(), "hello", "m1");
    alice_->send(bob_->user(), "it is me", "m2");
    bob_->receipt(alice_->user(), "read", 2);
    bob_->wait_receipt(alice_->user(), bob_->user(), 2, 2);
  }
  // Whatever alice might be told of bob is on its way no more.
  void settle_alice() {
    friend_->send(bob_->user(), "marker");
    settle(*friend_, *alice_, *alice_);
  }
  void expect_alice_knows_nothing() {
    EXPECT_EQ(alice_->error_of("presence", {{"with", bob_->user()}}), "not_found");
    type_to(*alice_, bob_->user());
    type_to(*bob_, alice_->user());
    type_to(*bob_, friend_->user());
    wait_typing(*friend_, bob_->user());  // the one after is passed on
    bob_->round_trip();
    EXPECT_EQ(heard(*bob_, alice_->user(), InKind::typing), 0U);
    bob_->mqtt().publish(
        {.topic = bob_->presence_topic(), .payload = R"({"state":"offline"})", .correlation = {}});
    friend_->wait_for(
        [&](const Received& received) {
          return received.topic == in_topic(friend_->user(), bob_->user(), InKind::presence) &&
                 received.json().at("online") == false;
        },
        "bob's going");
    bob_->go_online();
    settle_alice();
    for (const InKind kind : {InKind::receipt, InKind::presence, InKind::typing}) {
      EXPECT_EQ(heard(*alice_, bob_->user(), kind), 0U);
    }
    EXPECT_EQ(receipts_in(alice_->sync()), 1U) << "the friend's own";
    EXPECT_EQ(conversation(*alice_, bob_->user()).at("theirs"), (json{{"delivered", 0}, {"read", 0}}));
  }
  void expect_alice_knows_all() {
    EXPECT_EQ(alice_->result("presence", {{"with", bob_->user()}}).at("online"), true);
    type_to(*alice_, bob_->user());
    wait_typing(*bob_, alice_->user());
    type_to(*bob_, alice_->user());
    wait_typing(*alice_, bob_->user());
    const json theirs = conversation(*alice_, bob_->user()).at("theirs");
    EXPECT_EQ(theirs.at("read"), 2);
    EXPECT_FALSE(conversation(*bob_, alice_->user()).contains("request"));
    for (int i = 0; i < 3; ++i) alice_->send(bob_->user(), "as many as she likes");
  }

  void SetUp() override {
    SharedPlatformTest<Strangers>::SetUp();
    alice_ = come(fresh_user("alice"));
    bob_ = come(fresh_user("bob"));
    friend_ = come(fresh_user("carol"));
    // carol knows both, and watches bob; alice has one receipt of hers.
    friend_->send(bob_->user(), "hi");
    bob_->send(friend_->user(), "hi");
    friend_->send(alice_->user(), "hi");
    alice_->send(friend_->user(), "hi");
    friend_->receipt(alice_->user(), "read", 2);
    alice_->wait_receipt(friend_->user(), friend_->user(), 2, 2);
    friend_->result("presence", {{"with", bob_->user()}});
  }

  std::unique_ptr<TestDevice> alice_;
  std::unique_ptr<TestDevice> bob_;
  std::unique_ptr<TestDevice> friend_;
};

INSTANTIATE_TEST_SUITE_P(Mqtt, Strangers, ::testing::Values(MqttVersion::v3_1_1, MqttVersion::v5),
                         [](const auto& version) {
                           return std::string(version.param == MqttVersion::v5 ? "v5" : "v3");
                         });

TEST_P(Strangers, AreToldNothingUntilTheyAreAnswered) {
  ask();
  EXPECT_EQ(conversation(*bob_, alice_->user()).at("request"), true);
  EXPECT_FALSE(conversation(*alice_, bob_->user()).contains("request"));
  expect_alice_knows_nothing();
  const std::string cursor = alice_->sync().cursor;

  const Envelope answer = bob_->send(alice_->user(), "hello alice");
  EXPECT_EQ(answer.seq, 3U);
  alice_->wait_receipt(bob_->user(), bob_->user(), 2, 2);
  EXPECT_EQ(receipts_in(alice_->sync(cursor)), 1U) << "as any other change of marks";
  expect_alice_knows_all();
}

TEST_P(Strangers, AreAcceptedByARequest) {
  ask();
  EXPECT_EQ(alice_->error_of("accept", {{"with", bob_->user()}}), "not_found") << "not by themselves";
  EXPECT_EQ(conversation(*bob_, alice_->user()).at("request"), true);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(bob_->result("accept", {{"with", alice_->user()}}), json::object());
  alice_->wait_receipt(bob_->user(), bob_->user(), 2, 2);
  expect_alice_knows_all();
  EXPECT_EQ(bob_->error_of("accept", {{"with", fresh_user("nobody")}}), "not_found");
}

TEST_P(Strangers, SendAFewMessagesAndResendThemAsTheyLike) {
  ask();
  const Seq last = alice_->history(bob_->user()).back().seq;
  EXPECT_EQ(last, 2U);
  alice_->publish_message(bob_->user(), "please", "m3");
  const ErrorEvent error =
      alice_->wait_error(ErrorCode::not_authorized, msg_topic(alice_->user(), bob_->user()));
  EXPECT_EQ(error.id->str(), "m3");
  EXPECT_FALSE(error.retry_after);
  const auto envelopes_before = alice_->live(bob_->user(), InKind::sent).size();
  alice_->publish_message(bob_->user(), "it is me", "m2");
  ASSERT_TRUE(eventually([&] { return alice_->live(bob_->user(), InKind::sent).size() > envelopes_before; }));
  const Envelope again = alice_->live(bob_->user(), InKind::sent).back();
  EXPECT_EQ(again.seq, 2U);
  EXPECT_TRUE(again.duplicate);

  bob_->result("accept", {{"with", alice_->user()}});
  EXPECT_EQ(alice_->send(bob_->user(), "please", "m3").seq, 3U);
}

TEST_P(Strangers, WhoseConversationDoesNotExistHearNoTyping) {
  type_to(*alice_, bob_->user());
  type_to(*friend_, bob_->user());
  wait_typing(*bob_, friend_->user());
  settle_alice();
  EXPECT_EQ(heard(*bob_, alice_->user(), InKind::typing), 0U);
}

TEST_P(Strangers, MayBeBlockedInstead) {
  ask();
  bob_->result("block", {{"with", alice_->user()}});
  const auto refused = [&](const std::string& topic, const std::string& payload) {
    alice_->mqtt().publish({.topic = topic, .payload = payload, .correlation = {}});
    alice_->wait_error(ErrorCode::blocked, topic);
  };
  refused(msg_topic(alice_->user(), bob_->user()), R"({"id":"m3","body":"x"})");
  refused(receipt_topic(alice_->user(), bob_->user()), R"({"read":1})");
  refused(typing_topic(alice_->user(), bob_->user()), R"({"typing":true})");
  EXPECT_EQ(alice_->error_of("accept", {{"with", bob_->user()}}), "blocked");
  expect_alice_knows_nothing();
  EXPECT_EQ(conversation(*bob_, alice_->user()).at("blocked"), true);
  EXPECT_EQ(conversation(*alice_, bob_->user()).at("blocked"), false);

  bob_->result("unblock", {{"with", alice_->user()}});
  alice_->publish_message(bob_->user(), "x", "m4");
  alice_->wait_error(ErrorCode::not_authorized, msg_topic(alice_->user(), bob_->user()));
  EXPECT_EQ(conversation(*bob_, alice_->user()).at("request"), true) << "it waits as before";
}

class StrangersAcrossCrashes : public OwnPlatformTest {
 protected:
  StrangersAcrossCrashes() : OwnPlatformTest(kConsent) {}
};

TEST_F(StrangersAcrossCrashes, AreStrangersStill) {
  auto alice = online("alice");
  auto bob = online("bob");
  alice->send("bob", "hello", "m1");
  bob->receipt("alice", "read", 1);
  bob->wait_receipt("alice", "bob", 1, 1);
  platform().kill_and_await({Service::store, Service::broker});
  alice->go_online();
  bob->go_online();
  alice->await_store();
  EXPECT_EQ(conversation(*bob, "alice").at("request"), true);
  EXPECT_EQ(receipts_in(alice->sync()), 0U);
  settle(*bob, *online("carol"), *alice);
  EXPECT_EQ(heard(*alice, "bob", InKind::receipt), 0U) << "nor is it delivered again";

  // The broker has forgotten nobody's consent, because it never knew: without a store typing goes to nobody.
  bob->result("accept", {{"with", "alice"}});
  platform().kill_and_await({Service::broker});
  alice->go_online();
  bob->go_online();
  bob->await_store();
  EXPECT_EQ(alice->result("presence", {{"with", "bob"}}).at("online"), true);
  EXPECT_TRUE(eventually([&] {
    type_to(*alice, "bob");
    bob->round_trip();
    return heard(*bob, "alice", InKind::typing) > 0;
  }));
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

class ConsentSwitched : public OwnPlatformTest {
 protected:
  void restart_with(std::string_view config) {
    platform().stop();
    std::ofstream(platform().config_file()) << config;
    platform().start();
  }
};

TEST_F(ConsentSwitched, OnKeepsWhatThereWasAndOffLetsEverythingThrough) {
  {
    const auto alice = online("alice");
    alice->send("bob", "before");
  }
  restart_with(kConsent);
  auto alice = online("alice");
  auto bob = online("bob");
  auto eve = online("eve");
  for (int i = 0; i < 3; ++i) alice->send("bob", "they know each other");
  type_to(*alice, "bob");
  wait_typing(*bob, "alice");
  eve->send("bob", "hello");
  bob->receipt("eve", "read", 1);
  bob->wait_receipt("eve", "bob", 1, 1);
  const std::string cursor = eve->sync().cursor;
  EXPECT_EQ(eve->error_of("presence", {{"with", "bob"}}), "not_found");

  restart_with(kUnlimited);
  bob->go_online();
  eve->go_online();
  eve->await_store();
  EXPECT_EQ(receipts_in(eve->sync(cursor)), 1U);
  EXPECT_FALSE(conversation(*bob, "eve").contains("request"));
  EXPECT_EQ(eve->error_of("presence", {{"with", "bob"}}), "");
  for (int i = 0; i < 3; ++i) eve->send("bob", "through");
  type_to(*eve, "bob");
  wait_typing(*bob, "eve");
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

}  // namespace
}  // namespace duet
