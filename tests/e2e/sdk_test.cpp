// Any MQTT client is a client: every kind of SDK, in both versions of MQTT, chats with every other.

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "tests/support/platform_test.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

using nlohmann::json;

struct Kind {
  SdkKind sdk;
  MqttVersion version;
  auto operator<=>(const Kind&) const = default;
};

std::string name_of(const Kind& kind) {
  return std::string(to_string(kind.sdk)) + (kind.version == MqttVersion::v5 ? "_v5" : "_v3");
}

std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  for (const SdkKind sdk :
       {SdkKind::mosquitto_cli, SdkKind::mqttjs_tcp, SdkKind::mqttjs_websocket, SdkKind::paho_cpp}) {
    for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) kinds.push_back({sdk, version});
  }
  return kinds;
}

// A user with one device. Each kind is one user on the left and another on the right, connected throughout.
struct Person {
  std::string user;
  std::unique_ptr<SdkClient> client;
};

class Sdk : public SharedPlatformTest<Sdk>, public ::testing::WithParamInterface<std::tuple<Kind, Kind>> {
 protected:
  static void TearDownTestSuite() {
    people_.clear();
    SharedPlatformTest<Sdk>::TearDownTestSuite();
  }

  static Person& person(const Kind& kind, const std::string& side) {
    const std::string user = side + "-" + name_of(kind);
    Person& person = people_[user];
    if (!person.client) {
      person = {user,
                make_sdk_client(kind.sdk, {.mqtt_port = platform().mqtt_port(),
                                           .ws_url = platform().ready()->at("ws"),
                                           .version = kind.version,
                                           .user = user,
                                           .device = "phone",
                                           .token = platform().tokens().chat(user),
                                           .filters = {"u/" + user + "/in/#", "u/" + user + "/d/phone/#"}})};
    }
    return person;
  }

 private:
  static inline std::map<std::string, Person> people_;
};

// `from` says `text`; both sides see it stored; `to` reports it read and `from` hears of that.
void say(const Person& from, const Person& to, const std::string& text) {
  const std::string id = TestDevice::fresh_id();
  const auto has_id = [&](const json& envelope) { return envelope.value("id", "") == id; };
  from.client->publish("u/" + from.user + "/out/" + to.user + "/msg",
                       json{{"id", id}, {"body", text}}.dump());

  const json sent = from.client->wait_for("u/" + from.user + "/in/" + to.user + "/sent", has_id);
  const json got = to.client->wait_for("u/" + to.user + "/in/" + from.user + "/msg", has_id);
  for (const json& envelope : {sent, got}) {
    EXPECT_EQ(envelope.at("body"), text);
    EXPECT_EQ(envelope.at("from"), from.user);
    EXPECT_EQ(envelope.at("to"), to.user);
    EXPECT_EQ(envelope.at("type"), "text/plain");
  }
  EXPECT_EQ(sent.at("seq"), got.at("seq"));
  EXPECT_EQ(sent.at("ts"), got.at("ts"));

  const auto seq = got.at("seq").get<Seq>();
  to.client->publish("u/" + to.user + "/out/" + from.user + "/receipt", json{{"read", seq}}.dump());
  from.client->wait_for("u/" + from.user + "/in/" + to.user + "/receipt", [&](const json& receipt) {
    return receipt.value("by", "") == to.user && receipt.value("read", Seq{0}) >= seq &&
           receipt.value("delivered", Seq{0}) >= seq;
  });
}

TEST_P(Sdk, ChatsWithAnyOther) {
  const auto& [left, right] = GetParam();
  const Person& alice = person(left, "left");
  const Person& bob = person(right, "right");
  say(alice, bob, "hello from " + alice.user + ": ä € 😀 \"quoted\" \\ \n");
  say(bob, alice, "hello from " + bob.user);
}

INSTANTIATE_TEST_SUITE_P(
    Pairs, Sdk, ::testing::Combine(::testing::ValuesIn(all_kinds()), ::testing::ValuesIn(all_kinds())),
    [](const auto& pair) {
      return name_of(std::get<0>(pair.param)) + "_with_" + name_of(std::get<1>(pair.param));
    });

}  // namespace
}  // namespace duet
