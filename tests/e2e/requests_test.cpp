// docs/protocol.md section 4: history, conversations, devices, pages, and how an answer finds its question.

#include <gmock/gmock.h>

#include "protocol/json_codec.h"
#include "protocol/topic.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kPageBytes = 128UL * 1024;

std::vector<Seq> seqs_in(const json& page) {
  std::vector<Seq> seqs;
  for (const json& message : page.at("messages")) seqs.push_back(message.at("seq").get<Seq>());
  return seqs;
}

class Requests : public SharedPlatformTest<Requests> {
 protected:
  json history(TestDevice& device, json parameters) {
    parameters["with"] = bob_;
    return device.result("history", std::move(parameters));
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Requests, HistoryPagesBackwardsAndForwards) {
  const auto alice = online(alice_);
  for (int i = 1; i <= 10; ++i) alice->send(bob_, "text " + std::to_string(i));
  const auto page = [&](const json& parameters) { return history(*alice, parameters); };

  EXPECT_THAT(seqs_in(page({{"limit", 3}})), ElementsAre(8, 9, 10));  // the newest, ascending
  EXPECT_THAT(seqs_in(page({{"before", 8}, {"limit", 3}})), ElementsAre(5, 6, 7));
  EXPECT_THAT(seqs_in(page({{"before", 3}, {"limit", 3}})), ElementsAre(1, 2));
  EXPECT_THAT(seqs_in(page({{"before", 1}})), IsEmpty());
  EXPECT_THAT(seqs_in(page({{"after", 0}, {"limit", 3}})), ElementsAre(1, 2, 3));
  EXPECT_THAT(seqs_in(page({{"after", 8}, {"limit", 3}})), ElementsAre(9, 10));
  EXPECT_THAT(seqs_in(page({{"after", 10}})), IsEmpty());
  EXPECT_THAT(seqs_in(page({{"after", 1000}})), IsEmpty());

  EXPECT_EQ(page({{"limit", 3}}).at("more"), true);
  EXPECT_EQ(page({{"limit", 10}}).at("more"), false);
  EXPECT_EQ(page({{"before", 4}, {"limit", 3}}).at("more"), false);
  EXPECT_EQ(page({{"before", 5}, {"limit", 3}}).at("more"), true);
  EXPECT_EQ(page({{"after", 7}, {"limit", 3}}).at("more"), false);
  EXPECT_EQ(page({{"after", 6}, {"limit", 3}}).at("more"), true);
}

TEST_F(Requests, HistoryHasFiftyByDefaultAndTwoHundredAtMost) {
  const auto alice = online(alice_);
  for (int i = 1; i <= 205; ++i) alice->publish_message(bob_, "x", "m" + std::to_string(i));
  alice->wait_sent(bob_, "m205");
  EXPECT_EQ(history(*alice, json::object()).at("messages").size(), 50U);
  EXPECT_EQ(history(*alice, {{"limit", 100'000}}).at("messages").size(), 200U);
  EXPECT_EQ(alice->history(bob_).size(), 205U);
}

// 20 bodies of 32 KiB are five pages of 128 KiB, whatever the limit says.
TEST_F(Requests, APageEndsEarlyRatherThanGrowTooLarge) {
  constexpr std::size_t kCount = 20;
  const auto alice = online(alice_);
  for (std::size_t i = 1; i <= kCount; ++i) {
    alice->publish_message(bob_, std::string(32UL * 1024, 'b'), "m" + std::to_string(i));
  }
  alice->wait_sent(bob_, "m20");
  const json newest = history(*alice, {{"limit", 200}});
  EXPECT_EQ(newest.at("more"), true);
  EXPECT_EQ(newest.at("messages").back().at("seq"), kCount);
  const json oldest = history(*alice, {{"after", 0}, {"limit", 200}});
  EXPECT_EQ(oldest.at("more"), true);
  EXPECT_EQ(oldest.at("messages").front().at("seq"), 1U);

  EXPECT_EQ(alice->history(bob_).size(), kCount);
  const Synced synced = alice->sync("", 200);
  EXPECT_EQ(synced.changes.size(), kCount);
  EXPECT_GE(synced.pages, kCount * 32 * 1024 / kPageBytes);
  for (const Received& received : alice->mqtt().inbox()) {
    if (received.topic == alice->reply_topic()) {
      EXPECT_LE(received.payload.size(), kPageBytes + 1024);
    }
  }
}

TEST_F(Requests, ConversationsAreNewestFirstWithUnreadAndMarks) {
  const auto alice = online(alice_);
  const std::string carol = fresh_user("carol");
  const auto bob = online(bob_);
  alice->send(bob_, "one");
  bob->send(alice_, "two");
  bob->send(alice_, "three");
  alice->send(carol, "hello carol");
  alice->receipt(bob_, "read", 2);
  alice->wait_receipt(bob_, alice_, 2, 2);
  bob->receipt(alice_, "delivered", 1);
  alice->wait_receipt(bob_, bob_, 1, 0);

  const json list = alice->result("conversations").at("conversations");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list.at(0).at("peer"), carol);
  const json& with_bob = list.at(1);
  EXPECT_EQ(with_bob.at("peer"), bob_);
  EXPECT_EQ(with_bob.at("last").at("body"), "three");
  EXPECT_EQ(with_bob.at("unread"), 1);
  EXPECT_EQ(with_bob.at("blocked"), false);
  EXPECT_EQ(with_bob.at("mine"), (json{{"delivered", 2}, {"read", 2}}));
  EXPECT_EQ(with_bob.at("theirs"), (json{{"delivered", 1}, {"read", 0}}));

  bob->send(alice_, "four");
  EXPECT_EQ(alice->result("conversations").at("conversations").at(0).at("peer"), bob_);
}

TEST_F(Requests, ConversationsComeInPages) {
  const auto alice = online(alice_);
  std::vector<std::string> expected;
  for (int i = 1; i <= 7; ++i) {
    expected.insert(expected.begin(), bob_ + "-" + std::to_string(i));
    alice->send(expected.front(), "hello");
  }
  std::vector<std::string> peers;
  json parameters = {{"limit", 3}};
  for (bool more = true; more;) {
    const json page = alice->result("conversations", parameters);
    for (const json& conversation : page.at("conversations")) peers.push_back(conversation.at("peer"));
    more = page.at("more").get<bool>();
    parameters["before"] = page.at("cursor");
    ASSERT_LE(peers.size(), expected.size());
  }
  EXPECT_EQ(peers, expected);
}

// A mark never goes back, and read implies delivered.
TEST_F(Requests, ReceiptsAreMonotonicAndTellBothSidesOnAllDevices) {
  const auto alice = online(alice_);
  const auto tablet = online(alice_, "tablet", MqttVersion::v3_1_1);
  const auto bob = online(bob_);
  for (int i = 1; i <= 4; ++i) alice->send(bob_, "x");
  bob->receipt(alice_, "delivered", 3);
  bob->receipt(alice_, "read", 2);
  bob->receipt(alice_, "delivered", 1);
  bob->receipt(alice_, "read", 1);
  bob->receipt(alice_, "read", 4);
  for (TestDevice* device : {alice.get(), tablet.get()}) {
    EXPECT_EQ(device->wait_receipt(bob_, bob_, 3, 2).delivered, 3U);
    EXPECT_EQ(device->wait_receipt(bob_, bob_, 4, 4).delivered, 4U);
  }
  bob->wait_receipt(alice_, bob_, 4, 4);
  Seq delivered = 0;
  Seq read = 0;
  for (const Received& received : alice->mqtt().inbox()) {
    if (received.topic != in_topic(alice_, bob_, InKind::receipt)) continue;
    const auto receipt = parse_receipt_event(received.payload);
    ASSERT_TRUE(receipt);
    EXPECT_GE(receipt->delivered, delivered);
    EXPECT_GE(receipt->read, read);
    delivered = receipt->delivered;
    read = receipt->read;
  }
}

TEST_F(Requests, EveryDeviceOfBothUsersHearsTheMessage) {
  const auto phone = online(alice_, "phone");
  const auto laptop = online(alice_, "laptop", MqttVersion::v3_1_1);
  const auto bobs_phone = online(bob_, "phone");
  const auto bobs_laptop = online(bob_, "laptop");
  const Envelope sent = phone->send(bob_, "to everybody");
  EXPECT_EQ(laptop->wait_sent(bob_, sent.id.str()).seq, sent.seq);
  for (TestDevice* device : {bobs_phone.get(), bobs_laptop.get()}) {
    EXPECT_EQ(device->wait_message(alice_, sent.id.str()).body, "to everybody");
  }
}

TEST_F(Requests, TypingReachesThePeerAndIsNotStored) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  for (const bool typing : {true, false}) {
    alice->mqtt().publish({.topic = typing_topic(alice_, bob_),
                           .payload = json{{"typing", typing}}.dump(),
                           .qos = 0,
                           .correlation = {}});
    bob->wait_for(
        [&](const Received& received) {
          return received.topic == in_topic(bob_, alice_, InKind::typing) &&
                 received.json() == json{{"typing", typing}};
        },
        "typing");
  }
  EXPECT_THAT(bob->sync().changes, IsEmpty());
  EXPECT_THAT(bob->result("conversations").at("conversations"), IsEmpty());
}

TEST_F(Requests, DevicesTellsOfMine) {
  const auto phone = online(alice_, "phone");
  auto tablet = online(alice_, "tablet");
  TestClient bridge({.port = platform().mqtt_port(),
                     .client_id = "duet-push",
                     .username = std::nullopt,
                     .password = platform().tokens().service(Role::push),
                     .will = std::nullopt});
  ASSERT_EQ(bridge.connect(), kSuccess);
  ASSERT_LT(bridge.subscribe(std::string(kPushFilter)), 0x80);
  phone->mqtt().publish(
      {.topic = phone->push_topic(), .payload = R"({"platform": "fcm", "token": "t"})", .correlation = {}});
  const auto device = [&](const std::string& name) {
    const json devices = phone->result("devices").at("devices");
    for (const json& row : devices) {
      if (row.at("device") == name) return row;
    }
    return json::object();
  };
  EXPECT_TRUE(eventually([&] { return device("phone").value("push", json()) == "fcm"; }));
  EXPECT_EQ(device("phone").at("online"), true);
  EXPECT_TRUE(eventually([&] { return device("tablet").value("online", false); }));
  tablet->mqtt().drop();
  EXPECT_TRUE(eventually([&] { return !device("tablet").value("online", true); }));
  EXPECT_TRUE(device("tablet").at("last_seen").is_number());
  phone->mqtt().publish(
      {.topic = phone->push_topic(), .payload = R"({"platform": null})", .correlation = {}});
  EXPECT_TRUE(eventually([&] { return device("phone").at("push").is_null(); }));
}

TEST_F(Requests, AReplyNamesItsQuestionAndEchoesCorrelationData) {
  const auto alice = online(alice_);
  const std::string correlation(
      "\0\xff"
      "binary",
      8);
  alice->mqtt().publish({.topic = alice->request_topic("blocks"),
                         .payload = R"({"req": "the question", "unknown": [1]})",
                         .correlation = correlation});
  const Received reply = alice->wait_for(
      [&](const Received& received) { return received.topic == alice->reply_topic(); }, "the reply");
  EXPECT_EQ(reply.correlation, correlation);
  EXPECT_EQ(reply.json(),
            (json{{"req", "the question"}, {"method", "blocks"}, {"result", {{"users", json::array()}}}}));

  alice->mqtt().publish(
      {.topic = alice->request_topic("nonsense"), .payload = R"({"req": "2"})", .correlation = "c2"});
  const Received refusal = alice->wait_for(
      [&](const Received& received) {
        return received.topic == alice->reply_topic() && received.json().value("req", "") == "2";
      },
      "the refusal");
  EXPECT_EQ(refusal.correlation, "c2");
  EXPECT_EQ(refusal.json().at("error").at("code"), "unknown_method");
}

// Another device of the same user asks its own questions.
TEST_F(Requests, AReplyGoesToTheDeviceThatAsked) {
  const auto phone = online(alice_, "phone");
  const auto tablet = online(alice_, "tablet");
  phone->result("devices");
  tablet->round_trip();
  for (const Received& received : tablet->mqtt().inbox()) EXPECT_NE(received.topic, tablet->reply_topic());
}

}  // namespace
}  // namespace duet
