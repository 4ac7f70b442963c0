// What clients met in the field (docs/reliability.md, "Field faults"): small packets, a typist who vanishes,
// two clients with one device name, and JSON that escapes every character.

#include <gmock/gmock.h>

#include "protocol/topic.h"
#include "tests/support/platform_test.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FieldClients : public SharedPlatformTest<FieldClients> {
 protected:
  // Bob's phone, which announces in its CONNECT that it receives packets of at most so many bytes.
  static std::unique_ptr<TestDevice> online_with_packets_of(const std::string& user, std::uint32_t bytes,
                                                            std::uint16_t receive_maximum = 0) {
    auto device = std::make_unique<TestDevice>(platform(), user);
    device->spec().maximum_packet_size = bytes;
    device->spec().receive_maximum = receive_maximum;
    device->go_online();
    return device;
  }
  static std::vector<Seq> seqs_of(const std::vector<json>& changes) {
    std::vector<Seq> seqs;
    for (const json& change : changes) seqs.push_back(change.at("seq").get<Seq>());
    return seqs;
  }
  static void type(TestDevice& from, const std::string& peer, bool typing) {
    from.mqtt().publish({.topic = typing_topic(from.user(), peer),
                         .payload = json{{"typing", typing}}.dump(),
                         .qos = 0,
                         .correlation = {}});
  }
  // What the device was told of the peer's typing so far.
  static std::vector<bool> typing_in(const std::vector<Received>& inbox, const std::string& topic) {
    std::vector<bool> told;
    for (const Received& received : inbox) {
      if (received.topic == topic) told.push_back(received.json().at("typing").get<bool>());
    }
    return told;
  }
  static std::vector<bool> typing_of(TestDevice& device, const std::string& peer) {
    return typing_in(device.mqtt().inbox(), in_topic(device.user(), peer, InKind::typing));
  }
  static bool is_told(TestDevice& device, const std::string& peer, const std::vector<bool>& expected) {
    const std::string topic = in_topic(device.user(), peer, InKind::typing);
    return device.mqtt().wait_until(
        [&](const std::vector<Received>& inbox) { return typing_in(inbox, topic) == expected; });
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

// --- packets that are too large for the client

TEST_F(FieldClients, PagesAreNoLargerThanTheMaximumPacketSizeThatTheClientAnnounced) {
  constexpr std::uint32_t kPacket = 2048;
  constexpr Seq kLarge = 7;
  constexpr Seq kCount = 20;
  const auto alice = online(alice_);
  for (Seq seq = 1; seq <= kCount; ++seq) {
    alice->publish_message(bob_, std::string(seq == kLarge ? 5000 : 200, 'b'), "m" + std::to_string(seq));
  }
  alice->wait_sent(bob_, "m" + std::to_string(kCount));

  const auto bob = online_with_packets_of(bob_, kPacket);
  const Synced synced = bob->sync("", 200);
  ASSERT_EQ(synced.changes.size(), kCount);
  EXPECT_GT(synced.pages, 1U);
  for (const json& change : synced.changes) {
    EXPECT_EQ(change.contains("body"), change.at("seq") != kLarge) << change;
    EXPECT_EQ(change.contains("omitted"), change.at("seq") == kLarge) << change;
  }
  const json history = bob->result("history", {{"with", alice_}, {"after", kLarge - 1}, {"limit", 200}});
  EXPECT_EQ(history.at("messages").at(0).at("id"), "m7");
  EXPECT_GT(history.at("messages").at(0).at("omitted"), 5000);
  EXPECT_EQ(history.at("more"), true);
  for (const Received& received : bob->mqtt().inbox()) EXPECT_LT(received.payload.size(), kPacket);
}

TEST_F(FieldClients, AClientOfMqtt311SaysItselfWhatItCanReceive) {
  constexpr std::uint32_t kPacket = 1500;
  const auto alice = online(alice_);
  for (int i = 1; i <= 10; ++i) alice->send(bob_, std::string(300, 'b'), "m" + std::to_string(i));
  const auto bob = online(bob_, "phone", MqttVersion::v3_1_1);
  std::vector<Seq> seqs;
  json parameters{{"max_bytes", kPacket}};
  for (bool live = false; !live;) {
    const json page = bob->result("sync", parameters);
    for (const json& change : page.at("changes")) seqs.push_back(change.at("seq").get<Seq>());
    parameters["cursor"] = page.at("cursor");
    live = page.at("live");
  }
  EXPECT_THAT(seqs, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  for (const Received& received : bob->mqtt().inbox()) EXPECT_LT(received.payload.size(), kPacket);
}

TEST_F(FieldClients, ARequestIsRefusedWithTheLeastSizeIfNotEvenOneItemFits) {
  online(alice_)->send(bob_, "hello");
  const auto bob = online_with_packets_of(bob_, 250);
  const json error = bob->request("sync").at("error");
  EXPECT_EQ(error.at("code"), "too_large");
  const auto needed = error.at("max_bytes").get<std::uint32_t>();
  EXPECT_GT(needed, 250U);
  EXPECT_EQ(online_with_packets_of(bob_, needed)->sync().changes.size(), 1U);
}

// Mosquitto 2.0.11 counts a message that it drops for its size as one that is on its way: after as many as
// the client's Receive Maximum nothing came any more.
TEST_F(FieldClients, MessagesThatAreTooLargeAreToldAndDoNotStopTheOthers) {
  constexpr std::uint16_t kReceiveMaximum = 5;
  const auto alice = online(alice_);
  const auto bob = online_with_packets_of(bob_, 1024, kReceiveMaximum);
  for (int i = 1; i <= 3 * kReceiveMaximum; ++i) alice->send(bob_, std::string(2000, 'b'));
  const ErrorEvent error = bob->wait_error(ErrorCode::too_large, in_topic(bob_, alice_, InKind::message));
  ASSERT_TRUE(error.refusal.max_bytes);
  EXPECT_GT(*error.refusal.max_bytes, 2000U);

  const Envelope small = alice->send(bob_, "small");
  EXPECT_EQ(bob->wait_message(alice_, small.id.str()).seq, 3 * kReceiveMaximum + 1);
  EXPECT_EQ(bob->sync("", 200).changes.size(), 3 * kReceiveMaximum + 1U);
}

// --- typing

TEST_F(FieldClients, ThePeerIsToldThatTheTypistStoppedWhenItsConnectionEnds) {
  const auto bob = online(bob_);
  std::vector<bool> told;
  const auto after = [&](const std::function<void(TestDevice&)>& end, MqttVersion version) {
    const auto alice = online(alice_, "phone", version);
    type(*alice, bob_, true);
    told.push_back(true);
    EXPECT_TRUE(is_told(*bob, alice_, told));
    end(*alice);
    told.push_back(false);
    EXPECT_TRUE(is_told(*bob, alice_, told));
  };
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    after([](TestDevice& device) { device.mqtt().drop(); }, version);
    after([](TestDevice& device) { device.go_offline(); }, version);
    after([&](TestDevice&) { online(alice_, "phone", version); }, version);  // another one in its place
  }
}

TEST_F(FieldClients, ThePeerIsNotToldThatTheUserStoppedTypingWhileAnotherDeviceOfTheirsTypes) {
  const auto bob = online(bob_);
  auto phone = online(alice_, "phone");
  const auto laptop = online(alice_, "laptop");
  type(*phone, bob_, true);
  type(*laptop, bob_, true);
  ASSERT_TRUE(is_told(*bob, alice_, {true, true}));
  phone->mqtt().drop();
  settle(*laptop, *bob, *bob);
  EXPECT_THAT(typing_of(*bob, alice_), ElementsAre(true, true));
  type(*laptop, bob_, false);
  EXPECT_TRUE(is_told(*bob, alice_, {true, true, false}));
}

TEST_F(FieldClients, NobodyElseIsToldThatATypistStopped) {
  const std::string carol_name = fresh_user("carol");
  const auto bob = online(bob_);
  const auto carol = online(carol_name);
  const auto alice = online(alice_);
  alice->send(carol_name, "hello carol");
  type(*alice, bob_, true);
  ASSERT_TRUE(is_told(*bob, alice_, {true}));
  bob->result("block", {{"with", alice_}});
  alice->mqtt().drop();
  const auto dave = online(fresh_user("dave"));
  for (TestDevice* device : {bob.get(), carol.get()}) settle(*dave, *device, *device);
  EXPECT_THAT(typing_of(*carol, alice_), IsEmpty());
  EXPECT_THAT(typing_of(*bob, alice_), ElementsAre(true)) << "bob has blocked alice";
}

class FieldConsent : public SharedPlatformTest<FieldConsent> {
 public:
  static std::string_view config() {
    return "[limits]\nmessages_per_second = 0\nreceipts_per_second = 0\nrequire_consent = true\n";
  }
};

TEST_F(FieldConsent, TheEndOfTypingGoesTheWayOfTypingWhereConsentIsRequired) {
  const std::string alice_name = fresh_user("alice");
  const std::string bob_name = fresh_user("bob");
  const std::string carol_name = fresh_user("carol");
  const auto bob = online(bob_name);
  const auto carol = online(carol_name);
  const auto alice = online(alice_name);
  alice->send(bob_name, "hello bob");
  bob->send(alice_name, "hello alice");
  alice->send(carol_name, "hello carol");  // who has not accepted
  for (const std::string& peer : {bob_name, carol_name}) {
    alice->mqtt().publish({.topic = typing_topic(alice_name, peer),
                           .payload = R"({"typing":true})",
                           .qos = 0,
                           .correlation = {}});
  }
  const auto told = [&](TestDevice& device, bool typing) {
    return device.mqtt().wait_for([&](const Received& received) {
      return received.topic == in_topic(device.user(), alice_name, InKind::typing) &&
             received.json().at("typing") == typing;
    });
  };
  ASSERT_TRUE(told(*bob, true));
  alice->mqtt().drop();
  ASSERT_TRUE(told(*bob, false));
  settle(*bob, *carol, *carol);
  for (const Received& received : carol->mqtt().inbox()) {
    EXPECT_NE(received.topic, in_topic(carol_name, alice_name, InKind::typing));
  }
}

// --- two clients with one device name

TEST_F(FieldClients, AClientIsToldThatAnotherOneTookItsPlace) {
  const auto first = online(alice_, "tab");
  const auto second = online(alice_, "tab");
  ASSERT_TRUE(first->mqtt().wait_disconnected());
  EXPECT_EQ(first->mqtt().end_reason(), kSessionTakenOver);
  EXPECT_TRUE(second->mqtt().connected());
  second->send(bob_, "from the second");
}

TEST_F(FieldClients, ATabOfABrowserIsToldThatAnotherOneTookItsPlace) {
  const auto tab = [&] {
    return make_sdk_client(SdkKind::mqttjs_websocket, {.mqtt_port = platform().mqtt_port(),
                                                       .ws_url = platform().ready()->at("ws"),
                                                       .user = alice_,
                                                       .device = "tab",
                                                       .token = platform().tokens().chat(alice_),
                                                       .filters = {inbox_filter(*UserId::parse(alice_))}});
  };
  const auto first = tab();
  const auto second = tab();
  EXPECT_EQ(first->wait_ended(), kSessionTakenOver);
}

// --- escaped JSON

TEST_F(FieldClients, ABodyOf32KibIsTakenHoweverTheClientEscapesIt) {
  constexpr std::size_t kBodyBytes = 32UL * 1024;
  const auto repeated = [](const std::string& text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
  };
  struct Row {
    std::string escaped;
    std::string character;
  };
  // As `json.dumps` of Python writes them, and the longest form that there is.
  const std::vector<Row> rows{{R"(\u0436)", "ж"}, {R"(\ud83d\ude00)", "😀"}, {R"(\u0001)", "\x01"}};
  const auto alice = online(alice_);
  const auto bob = online(bob_, "phone", MqttVersion::v3_1_1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& [escaped, character] = rows.at(i);
    const auto count = kBodyBytes / character.size();
    const std::string id = "m" + std::to_string(i);
    const auto payload = R"({"id":")" + id + R"(","body":")" + repeated(escaped, count) + "\"}";
    EXPECT_TRUE(accepted(
        alice->mqtt().publish({.topic = msg_topic(alice_, bob_), .payload = payload, .correlation = {}})));
    EXPECT_EQ(bob->wait_message(alice_, id).body, repeated(character, count));
  }
  EXPECT_EQ(bob->history(alice_).size(), rows.size());
  EXPECT_EQ(bob->sync().changes.size(), rows.size());
}

TEST_F(FieldClients, ABodyThatIsOneCharacterTooLongIsRefusedHoweverTheClientEscapesIt) {
  std::string body;
  for (int i = 0; i <= 32 * 1024; ++i) body += R"(\u0041)";
  const auto alice = online(alice_);
  alice->mqtt().publish(
      {.topic = msg_topic(alice_, bob_), .payload = R"({"body":")" + body + "\"}", .correlation = {}});
  alice->wait_error(ErrorCode::too_large, msg_topic(alice_, bob_));
}

class FieldRates : public SharedPlatformTest<FieldRates> {
 public:
  static std::string_view config() { return "[limits]\nmessages_per_second = 1\nburst = 8\n"; }
};

// The rate of messages bounds the bytes too.
TEST_F(FieldRates, APayloadCountsOnceForEach64KibOfIt) {
  const std::string alice_name = fresh_user("alice");
  const std::string bob_name = fresh_user("bob");
  const auto alice = online(alice_name);
  const std::string padded = R"({"body":"x","pad":")" + std::string(190UL * 1024, 'p') + "\"}";  // three
  int taken = 0;
  while (taken < 100 &&
         accepted(alice->mqtt().publish(
             {.topic = msg_topic(alice_name, bob_name), .payload = padded, .correlation = {}}))) {
    ++taken;
  }
  EXPECT_GE(taken, 3);
  EXPECT_LT(taken, 8);
}

}  // namespace
}  // namespace duet
