// Attacks of an honest connection on topics that are not its own: foreign inboxes, outboxes, devices and
// wills. access_test goes through them all and looks at reason codes; here the victim looks, and 3.1.1 as
// well.

#include <gmock/gmock.h>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class TopicAttacks : public SharedPlatformTest<TopicAttacks>,
                     public ::testing::WithParamInterface<MqttVersion> {
 protected:
  std::unique_ptr<TestDevice> eve() const { return online(eve_, "phone", GetParam()); }

  // Everything that must not have come from eve: all but bob's messages and the victim's own markers.
  static std::vector<std::string> strange(TestDevice& victim, const std::string& friend_of_hers) {
    std::vector<std::string> found;
    for (const Received& received : victim.mqtt().inbox()) {
      const bool own =
          received.topic == victim.presence_topic() && received.payload.find("marker") != std::string::npos;
      const bool from_friend =
          received.topic.starts_with("u/" + victim.user() + "/in/" + friend_of_hers + "/") &&
          received.payload.find("evil") == std::string::npos;
      if (!own && !from_friend) found.push_back(received.topic + " " + received.payload);
    }
    return found;
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
  const std::string eve_ = fresh_user("eve");
};

TEST_P(TopicAttacks, PublishingOnForeignTopicsReachesNobody) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  bob->send(alice_, "hello");
  const auto attacker = eve();
  const std::string payload =
      json{{"id", "evil"},      {"body", "evil"},    {"seq", 2},       {"from", bob_},   {"to", alice_},
           {"ts", 1},           {"type", "t"},       {"cur", "x"},     {"by", bob_},     {"delivered", 1},
           {"read", 1},         {"typing", true},    {"online", true}, {"last_seen", 1}, {"state", "offline"},
           {"code", "blocked"}, {"message", "evil"}, {"req", "r"}}
          .dump();
  const std::vector<std::string> topics{
      msg_topic(bob_, alice_),
      receipt_topic(bob_, alice_),
      typing_topic(bob_, alice_),
      msg_topic(alice_, eve_),
      in_topic(alice_, bob_, InKind::message),
      in_topic(alice_, bob_, InKind::sent),
      in_topic(alice_, bob_, InKind::receipt),
      in_topic(alice_, bob_, InKind::typing),
      in_topic(alice_, bob_, InKind::presence),
      in_topic(alice_, eve_, InKind::message),
      in_topic(eve_, bob_, InKind::message),  // her own inbox: only the store writes there
      alice->presence_topic(),
      alice->push_topic(),
      alice->reply_topic(),
      alice->error_topic(),
      alice->request_topic("block"),
      "u/" + eve_ + "/d/laptop/presence",  // another device of her own
      "u/" + eve_ + "/d/phone/reply",
      "deliver/0",
      "ingest/0",
      "ingest/0/ctl",
      "svc/store/blocks",
      "svc/broker/presence",
      "svc/store/token",
      "$SYS/broker/uptime",
      "$CONTROL/dynamic-security/v1",
  };
  for (const std::string& topic : topics) {
    const int reason = attacker->mqtt().publish({.topic = topic, .payload = payload, .correlation = {}});
    // MQTT 3.1.1 has no refusal: the error event tells.
    EXPECT_EQ(reason, GetParam() == MqttVersion::v5 ? kNotAuthorized : kSuccess) << topic;
    if (!topic.starts_with('$')) attacker->wait_error(ErrorCode::not_authorized, topic);
  }
  settle(*bob, *alice, *attacker);
  alice->round_trip();
  bob->round_trip();
  EXPECT_THAT(strange(*alice, bob_), IsEmpty());
  EXPECT_EQ(alice->history(bob_).size(), 2U);
  EXPECT_THAT(alice->history(eve_), IsEmpty());
  EXPECT_EQ(alice->result("blocks").at("users").size(), 0U);
  const json conversations = alice->result("conversations").at("conversations");
  for (const json& conversation : conversations) {
    EXPECT_EQ(conversation.at("peer"), bob_);
    EXPECT_EQ(conversation.at("theirs").at("read"), 0);
  }
}

TEST_P(TopicAttacks, SubscribingToForeignTopicsIsRefused) {
  const auto attacker = eve();
  const int refused = GetParam() == MqttVersion::v5 ? kNotAuthorized : kSubscribeRefused311;
  const std::string mine = "u/" + eve_;
  for (const std::string& filter : {"u/" + alice_ + "/in/#",
                                    "u/" + alice_ + "/in/" + bob_ + "/msg",
                                    "u/" + alice_ + "/d/phone/#",
                                    "u/" + alice_ + "/#",
                                    std::string("#"),
                                    std::string("+/#"),
                                    std::string("u/+/in/#"),
                                    std::string("+/+/in/+/msg"),
                                    mine + "/#",
                                    mine + "/+/" + bob_ + "/msg",
                                    mine + "/d/#",
                                    mine + "/d/+/reply",
                                    mine + "/d/laptop/#",
                                    "$share/g/" + mine + "/in/#",
                                    "$share/g/u/" + alice_ + "/in/#",
                                    std::string("$share/g/#"),
                                    std::string("$SYS/#"),
                                    std::string("$CONTROL/#"),
                                    std::string("ingest/0"),
                                    std::string("ingest/#"),
                                    std::string("deliver/#"),
                                    std::string("svc/#"),
                                    std::string("u/+/d/+/presence")}) {
    EXPECT_EQ(attacker->mqtt().subscribe(filter), refused) << filter;
  }
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  settle(*alice, *bob, *attacker);
  for (const Received& received : attacker->mqtt().inbox()) {
    EXPECT_TRUE(received.topic.starts_with("u/" + eve_ + "/d/phone/")) << received.topic;
  }
}

// MQTT gives the broker no way to refuse a will at CONNECT; it must never be sent.
TEST_P(TopicAttacks, AWillOnAForeignTopicIsNeverSent) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  for (const bool clean : {true, false}) {
    for (const std::string& topic :
         {in_topic(alice_, bob_, InKind::message), in_topic(alice_, eve_, InKind::message),
          msg_topic(eve_, alice_), msg_topic(bob_, alice_), alice->presence_topic(), alice->error_topic(),
          std::string("deliver/0"), std::string("svc/store/blocks"),
          std::string("$CONTROL/dynamic-security/v1")}) {
      TestDevice dying(platform(), eve_, "dying", GetParam());
      dying.spec().clean = clean;
      dying.spec().will = Publish{
          .topic = topic, .payload = R"({"id": "evil", "body": "evil"})", .retain = true, .correlation = {}};
      dying.go_online();
      dying.mqtt().drop();
      dying.go_online();  // so the broker has noticed, and sent what it would send
    }
  }
  settle(*bob, *alice, *bob);
  EXPECT_THAT(strange(*alice, bob_), IsEmpty());
  EXPECT_THAT(alice->history(eve_), IsEmpty());
  TestDevice late(platform(), alice_, "late");
  late.go_online();
  EXPECT_THAT(strange(late, bob_), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Mqtt, TopicAttacks, ::testing::Values(MqttVersion::v3_1_1, MqttVersion::v5),
                         [](const auto& version) { return version.param == MqttVersion::v5 ? "v5" : "v3"; });

}  // namespace
}  // namespace duet
