// The access table against the live broker: every role, action and shape of topic. What is expected comes
// from acl/ (decide), so that a row added or taken away there changes this test with it.

#include "acl/access.h"

#include <gmock/gmock.h>

#include <map>

#include "protocol/frame.h"
#include "protocol/service_payload.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kMe = "alice";
const std::string kOther = "bob";

// Every topic of the grammar, mine and others', and names outside it.
std::vector<std::string> topic_names() {
  std::vector<std::string> names;
  for (const auto& [me, peer] : {std::pair(kMe, kOther), std::pair(kOther, kMe)}) {
    for (const std::string kind : {"msg", "receipt", "typing"}) {
      names.push_back("u/" + me + "/out/" + peer + "/" + kind);
    }
    for (const std::string kind : {"msg", "sent", "receipt", "typing", "presence"}) {
      names.push_back("u/" + me + "/in/" + peer + "/" + kind);
    }
    for (const std::string device : {"phone", "laptop"}) {
      for (const std::string kind : {"presence", "push", "req/devices", "reply", "error"}) {
        names.push_back("u/" + me + "/d/" + device + "/" + kind);
      }
    }
  }
  for (const std::string name : {"ingest/0",
                                 "ingest/0/ctl",
                                 "ingest/1",
                                 "deliver/0",
                                 "deliver/1",
                                 "svc/store/blocks",
                                 "svc/broker/presence",
                                 "svc/broker/typing",
                                 "svc/auth/revocations",
                                 "svc/push/feed",
                                 "svc/push/check",
                                 "svc/push/devices",
                                 "svc/push/users",
                                 "svc/store/feed",
                                 "svc/store/check",
                                 "svc/auth/names",
                                 "svc/store/names",
                                 "svc/store/devices",
                                 "svc/store/token",
                                 "svc/push/token",
                                 "svc/auth/token",
                                 "svc/store/other",
                                 "hello",
                                 "u",
                                 "u/alice",
                                 "u/alice/out/bob",
                                 "u/alice/out/bob/msg/more",
                                 "u/alice/out/bob/MSG",
                                 "U/alice/out/bob/msg",
                                 "u//out/bob/msg",
                                 "/u/alice/out/bob/msg",
                                 "u/alice/out//msg",
                                 "u/alice/out/b ob/msg",
                                 "u/alice/in",
                                 "u/alice/d/phone",
                                 "u/alice/d/phone/req",
                                 "u/alice/d/phone/req/a/b",
                                 "$SYS/broker/version",
                                 "$SYS/broker/connection/x/state",
                                 "$CONTROL/dynamic-security/v1",
                                 "$share/g/u/alice/in/bob/msg",
                                 "$other"}) {
    names.push_back(name);
  }
  return names;
}

std::vector<std::string> topic_filters() {
  std::vector<std::string> filters = topic_names();
  for (const std::string filter : {"#",
                                   "+",
                                   "+/#",
                                   "/#",
                                   "u/#",
                                   "u/+",
                                   "u/+/#",
                                   "u/+/in/#",
                                   "u/+/in/+/msg",
                                   "u/+/out/#",
                                   "u/alice/#",
                                   "u/alice/+",
                                   "u/alice/+/bob/msg",
                                   "u/alice/in/#",
                                   "u/alice/in/+",
                                   "u/alice/in/+/msg",
                                   "u/alice/in/bob/#",
                                   "u/alice/in/bob/+",
                                   "u/alice/d/#",
                                   "u/alice/d/+/reply",
                                   "u/alice/d/phone/#",
                                   "u/alice/d/phone/+",
                                   "u/alice/d/phone/req/#",
                                   "u/alice/d/laptop/#",
                                   "u/alice/out/#",
                                   "u/bob/#",
                                   "u/bob/in/#",
                                   "u/bob/d/phone/#",
                                   "+/alice/in/#",
                                   "u/+/d/+/req/+",
                                   "u/+/d/+/req/#",
                                   "u/+/d/+/presence",
                                   "u/+/d/+/push",
                                   "u/+/d/+/reply",
                                   "u/+/d/+/error",
                                   "u/+/d/#",
                                   "ingest/#",
                                   "ingest/+",
                                   "ingest/0/#",
                                   "deliver/#",
                                   "svc/#",
                                   "svc/+/blocks",
                                   "svc/broker/#",
                                   "svc/push/#",
                                   "svc/+/feed",
                                   "svc/store/+",
                                   "$SYS/#",
                                   "$SYS/broker/#",
                                   "$CONTROL/#",
                                   "$share/g/#",
                                   "$share/g/u/alice/in/#",
                                   "$share/g/u/alice/d/phone/#",
                                   "$share/g/u/bob/in/#"}) {
    filters.push_back(filter);
  }
  return filters;
}

// A payload that the topic's own rules accept, so that only the access decides. `probe` tells it apart.
std::string payload_for(const std::string& topic, const TokenMint& tokens, const std::string& probe) {
  const auto parsed = parse_topic(topic);
  if (parsed && std::holds_alternative<PipeTopic>(*parsed)) {
    if (std::get<PipeTopic>(*parsed).kind == PipeKind::deliver) return DeliverFrameBuilder().take();
    return format_ingest_control({*NodeId::parse("0123456789abcdef"), IngestControl::Kind::committed, 0});
  }
  if (topic == "svc/auth/revocations") return format_revocation_update({});
  if (topic == "svc/store/blocks") return format_block_update({});
  for (const Role role : {Role::store, Role::push, Role::auth}) {
    if (topic == "svc/" + std::string(to_string(role)) + "/token") return tokens.service(role);
  }
  return json{{"probe", probe},    {"id", probe},  {"body", "x"},       {"delivered", 1}, {"typing", true},
              {"state", "online"}, {"req", probe}, {"platform", "fcm"}, {"token", "t"}}
      .dump();
}

class AccessTable : public SharedPlatformTest<AccessTable>, public ::testing::WithParamInterface<Role> {
 protected:
  void SetUp() override {
    SharedPlatformTest::SetUp();
    ASSERT_EQ(bridge_.connect(), kSuccess);
    ASSERT_LT(bridge_.subscribe(std::string(kPushFilter)), 0x80);
  }

  static Principal principal(Role role) {
    const Timestamp later = Timestamp::max();
    if (role != Role::chat) return Principal::of_service(role, "test", later);
    return Principal::of_device({*UserId::parse(kMe), *DeviceId::parse("phone")}, later);
  }

  // Connected as the role, with a clean session.
  static std::unique_ptr<TestClient> connected_as(Role role, std::optional<Publish> will = std::nullopt) {
    const bool chat = role == Role::chat;
    auto client = std::make_unique<TestClient>(
        ConnectSpec{.port = platform().mqtt_port(),
                    .client_id = principal(role).client_id(),
                    .username = std::nullopt,
                    .password = chat ? platform().tokens().chat(kMe) : platform().tokens().service(role),
                    .will = std::move(will)});
    EXPECT_EQ(client->connect(), kSuccess);
    return client;
  }

  // The probes among the topics' payloads that arrived at the device.
  static std::vector<std::string> probes_at(TestDevice& device) {
    std::vector<std::string> probes;
    for (const Received& received : device.mqtt().inbox()) {
      const json payload = received.json();
      if (payload.is_object() && payload.contains("probe")) probes.push_back(payload.at("probe"));
    }
    return probes;
  }

 private:
  // Without one push registrations are refused, whatever the table says.
  TestClient bridge_{ConnectSpec{.port = platform().mqtt_port(),
                                 .client_id = "duet-push.bridge",
                                 .username = std::nullopt,
                                 .password = platform().tokens().service(Role::push),
                                 .will = std::nullopt}};
};

TEST_P(AccessTable, DecidesEveryPublish) {
  const Principal who = principal(GetParam());
  const auto bob = online(kOther);
  const auto client = connected_as(GetParam());
  std::vector<std::string> denied;
  int number = 0;
  for (const std::string& topic : topic_names()) {
    const std::string probe = std::string(to_string(GetParam())) + "-" + std::to_string(++number);
    const bool allowed = decide(who, Access::publish, topic).allowed();
    const int reason = client->publish(
        {.topic = topic, .payload = payload_for(topic, platform().tokens(), probe), .correlation = {}});
    EXPECT_EQ(accepted(reason), allowed) << topic << ": PUBACK " << reason;
    if (!allowed) {
      EXPECT_EQ(reason, kNotAuthorized) << topic;
    }
    if (!allowed) denied.push_back(probe);
  }
  bob->round_trip();
  for (const std::string& probe : probes_at(*bob)) EXPECT_THAT(denied, Not(testing::Contains(probe)));
}

TEST_P(AccessTable, DecidesEverySubscription) {
  const Principal who = principal(GetParam());
  const auto client = connected_as(GetParam());
  for (const std::string& filter : topic_filters()) {
    // A second subscriber to the ingest frames would compete with the running store for its records.
    if (GetParam() == Role::store && filter.starts_with("ingest/")) continue;
    const bool allowed = decide(who, Access::subscribe, filter).allowed();
    const int code = client->subscribe(filter);
    EXPECT_EQ(code < 0x80, allowed) << filter << ": SUBACK " << code;
    if (!allowed) {
      EXPECT_EQ(code, kNotAuthorized) << filter;
    }
  }
}

// Each will is sent by a lost connection; what arrives at bob, who hears all that is his, is what is allowed.
TEST_P(AccessTable, DecidesEveryWill) {
  const Principal who = principal(GetParam());
  const auto bob = online(kOther);
  std::vector<std::string> topics;
  for (const std::string& topic : topic_names()) {
    if (topic.starts_with("u/" + kOther + "/")) topics.push_back(topic);
  }
  for (const std::string& topic : topics) {
    ASSERT_FALSE(decide(who, Access::will, topic).allowed());
    for (const bool retain : {false, true}) {
      const auto client = connected_as(
          GetParam(),
          Publish{.topic = topic, .payload = R"({"probe": "will"})", .retain = retain, .correlation = {}});
      client->drop();
      // The broker has seen the end when the same client can connect anew, and sent the will before that.
      connected_as(GetParam());
    }
  }
  bob->round_trip();
  EXPECT_THAT(probes_at(*bob), IsEmpty());
  TestDevice late(platform(), kOther, "laptop");  // nor is one kept for a later subscriber
  late.go_online();
  EXPECT_THAT(probes_at(late), IsEmpty());
}

// Whoever may subscribe also gets what is published there, and only that.
TEST_P(AccessTable, DecidesEveryDelivery) {
  const Principal who = principal(GetParam());
  const auto client = connected_as(GetParam());
  for (const std::string_view filter : {kPresenceFilter, kPushFilter, kRequestFilter}) {
    client->subscribe(std::string(filter));
  }
  client->subscribe("u/alice/d/phone/#");
  const auto bob = online(kOther);
  for (const std::string& topic : {bob->presence_topic(), bob->push_topic(), bob->request_topic("devices")}) {
    const std::string probe = "delivery " + topic;
    const int reason = bob->mqtt().publish(
        {.topic = topic, .payload = payload_for(topic, platform().tokens(), probe), .correlation = {}});
    ASSERT_TRUE(accepted(reason)) << topic;
    const auto is_probe = [&](const Received& received) {
      return received.json().value("probe", "") == probe;
    };
    if (decide(who, Access::receive, topic).allowed()) {
      EXPECT_TRUE(client->wait_for(is_probe)) << topic;
    } else {
      bob->round_trip();
      // The last of what the client has received by now; it has no way to ask for an echo of its own.
      client->subscribe("nothing/at/all");
      for (const Received& received : client->inbox()) EXPECT_FALSE(is_probe(received)) << topic;
    }
  }
}

// What the services' connections did above has not disturbed the real ones.
TEST_P(AccessTable, LeavesThePlatformWorking) {
  const auto carol = online(fresh_user("carol"));
  const auto dave = online(fresh_user("dave"));
  dave->wait_message(carol->user(), carol->send(dave->user(), "hello").id.str());
}

INSTANTIATE_TEST_SUITE_P(Roles, AccessTable,
                         ::testing::Values(Role::chat, Role::store, Role::push, Role::auth),
                         [](const auto& role) { return std::string(to_string(role.param)); });

// The lists above must not fall behind the table: each row allows at least one of the topics tried.
TEST(AccessTableCoverage, EveryRowIsTried) {
  for (const AccessRule& rule : access_table()) {
    if (rule.access == Access::will || rule.access == Access::receive) continue;
    const Principal who =
        rule.role == Role::chat
            ? Principal::of_device({*UserId::parse(kMe), *DeviceId::parse("phone")}, Timestamp::max())
            : Principal::of_service(rule.role, "test", Timestamp::max());
    bool tried = false;
    for (const std::string& topic : rule.access == Access::publish ? topic_names() : topic_filters()) {
      tried = tried || decide(who, rule.access, topic).rule == &rule;
    }
    EXPECT_TRUE(tried) << to_string(rule.role) << " " << to_string(rule.access) << " " << rule.pattern;
  }
}

}  // namespace
}  // namespace duet
