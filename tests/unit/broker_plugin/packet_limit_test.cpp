// Clients that announced a Maximum Packet Size (MQTT 5 3.1.2.11.4).

#include "broker_plugin/packet_limit.h"

#include <gmock/gmock.h>

#include "protocol/packet_size.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using testing::IsEmpty;

constexpr const char* kSync = "u/alice/d/phone/req/sync";
constexpr const char* kInbox = "u/alice/in/bob/msg";

class PacketLimitTest : public GateTest {
 protected:
  // Alice's phone, and what it can receive.
  Client limited(std::size_t bytes) {
    const auto client = alice();
    broker_.set_packet_limit(client.connection, bytes);
    return client;
  }
  std::optional<std::string> routed(const Client& client, std::string_view request) {
    const auto decision = gate_->publish(client, {kSync, request}, now_);
    EXPECT_TRUE(decision.accepted);
    return decision.payload;
  }
};

TEST_F(PacketLimitTest, IsFoundToTheByte) {
  for (const std::size_t bytes : {0UL, 1UL, 2UL, 127UL, 128UL, 1000UL, 4096UL, 65'535UL, 262'143UL}) {
    broker_.set_packet_limit(context(0), bytes);
    EXPECT_EQ(packet_limit(broker_, context(0)), bytes);
  }
  broker_.set_packet_limit(context(0), 262'144);
  EXPECT_EQ(packet_limit(broker_, context(0)), std::nullopt);
}

TEST_F(PacketLimitTest, IsSaidToTheStoreInARequest) {
  store();
  const auto client = limited(4096);
  EXPECT_EQ(routed(client, R"({"req":"1"})"), R"({"max_bytes":4096,"req":"1"})");
  EXPECT_EQ(routed(client, " { \"req\" : \"1\" } "), " {\"max_bytes\":4096, \"req\" : \"1\" } ");
  EXPECT_EQ(parse_request(*routed(client, R"({"req":"{","cursor":"{"})"), {})->max_bytes, 4096U);
}

TEST_F(PacketLimitTest, LeavesARequestThatSaysItItself) {
  store();
  const std::string request = R"({"req":"1","max_bytes":500})";
  EXPECT_EQ(routed(limited(4096), request), request);
}

TEST_F(PacketLimitTest, LeavesRequestsOfOtherClientsAsTheyAre) {
  store();
  EXPECT_EQ(routed(alice(), R"({"req":"1"})"), std::nullopt);
}

TEST_F(PacketLimitTest, KeepsAMessageThatIsTooLargeFromTheBrokerAndTellsTheDevice) {
  const auto client = limited(1000);
  const auto fits = 1000 - max_publish_bytes(std::string_view(kInbox).size(), 0);
  EXPECT_TRUE(gate_->may_receive(client, kInbox, fits, now_));
  EXPECT_THAT(broker_.take(), IsEmpty());
  EXPECT_FALSE(gate_->may_receive(client, kInbox, fits + 1, now_));
  const auto error = error_of_alice();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->refusal.code, ErrorCode::too_large);
  EXPECT_EQ(error->refusal.max_bytes, 1001U);
  EXPECT_EQ(error->topic, kInbox);
}

TEST_F(PacketLimitTest, TellsTheDeviceNoMoreThanOnceASecond) {
  const auto client = limited(1000);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(gate_->may_receive(client, kInbox, 2000, now_));
  EXPECT_EQ(published_on("u/alice/d/phone/error").size(), 1U);
  pass(std::chrono::seconds(1));
  EXPECT_FALSE(gate_->may_receive(client, kInbox, 2000, now_));
  EXPECT_EQ(published_on("u/alice/d/phone/error").size(), 1U);
}

// An error about an error would lead to the next.
TEST_F(PacketLimitTest, TellsNothingOfAnErrorThatIsTooLarge) {
  const auto client = limited(50);
  EXPECT_FALSE(gate_->may_receive(client, "u/alice/d/phone/error", 100, now_));
  EXPECT_FALSE(gate_->may_receive(client, "u/alice/d/phone/push", 100, now_));
  EXPECT_THAT(broker_.take(), IsEmpty());
}

TEST_F(PacketLimitTest, IsOfOneConnection) {
  limited(1000);
  const auto laptop = connected(1, "alice:laptop");
  EXPECT_TRUE(gate_->may_receive(laptop, kInbox, 100'000, now_));
}

}  // namespace
}  // namespace duet
