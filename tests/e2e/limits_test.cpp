// Rate limits and the number of devices.

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;

// Low enough to be reached at once.
class Limits : public SharedPlatformTest<Limits> {
 public:
  static std::string_view config() {
    return R"([limits]
messages_per_second = 1
burst = 5
requests_per_minute = 20
receipts_per_second = 0
devices_per_user = 3
)";
  }

 protected:
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Limits, MessagesBeyondTheBurstAreRefusedAndTheUserIsToldWhenToRetry) {
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    const std::string user = fresh_user("alice");
    const auto phone = online(user, "phone", version);
    for (int i = 0; i < 20; ++i) {
      phone->mqtt().publish_async({.topic = msg_topic(user, bob_),
                                   .payload = json{{"id", "m" + std::to_string(i)}, {"body", "x"}}.dump(),
                                   .correlation = {}});
    }
    const ErrorEvent error = phone->wait_error(ErrorCode::rate_limited, msg_topic(user, bob_));
    ASSERT_TRUE(error.retry_after);
    EXPECT_GT(error.retry_after->count(), 0);
    EXPECT_LE(*error.retry_after, std::chrono::seconds(1));
    ASSERT_TRUE(error.id);
    const std::string refused = error.id->str();
    EXPECT_GE(std::stoi(refused.substr(1)), 5) << "within the burst";

    // It is the user's budget, not the device's; others have their own.
    const auto tablet = online(user, "tablet", version);
    for (int i = 0; i < 6; ++i) tablet->publish_message(bob_, "x", "tablet-" + std::to_string(i));
    tablet->wait_error(ErrorCode::rate_limited, msg_topic(user, bob_));
    const auto carol = online(fresh_user("carol"));
    carol->send(bob_, "mine");

    // The same message again, later: it is taken, and is the first with its id.
    EXPECT_TRUE(eventually([&] {
      phone->publish_message(bob_, "x", refused);
      for (const Envelope& sent : phone->live(bob_, InKind::sent)) {
        if (sent.id.str() == refused) return true;
      }
      return false;
    }));
    std::set<std::string> ids;
    for (const Envelope& stored : phone->history(bob_)) EXPECT_TRUE(ids.insert(stored.id.str()).second);
  }
}

TEST_F(Limits, RequestsBeyondTheBurstAreAnsweredWithAnError) {
  const auto phone = online(alice_);
  int refused = 0;
  for (int i = 0; i < 40; ++i) refused += phone->error_of("blocks") == "rate_limited" ? 1 : 0;
  EXPECT_GT(refused, 10);
  const ErrorEvent error = phone->wait_error(ErrorCode::rate_limited, phone->request_topic("blocks"));
  ASSERT_TRUE(error.retry_after);
  EXPECT_GT(error.retry_after->count(), 0);
  EXPECT_LE(*error.retry_after, std::chrono::seconds(3));
  const auto tablet = online(alice_, "tablet");  // each device has its own
  EXPECT_EQ(tablet->error_of("blocks"), "");
}

TEST_F(Limits, OneDeviceTooManyIsNotLetIn) {
  const auto one = online(alice_, "one");
  const auto two = online(alice_, "two");
  auto three = online(alice_, "three");
  TestDevice four(platform(), alice_, "four");
  EXPECT_NE(four.connect(), kSuccess);
  three->go_online();  // a device that comes back is not one more
  EXPECT_TRUE(one->mqtt().connected());
  EXPECT_TRUE(two->mqtt().connected());
  three->go_offline();
  EXPECT_TRUE(eventually([&] { return four.connect() == kSuccess; }));
}

class EventLimits : public SharedPlatformTest<EventLimits> {
 public:
  static std::string_view config() {
    return "[limits]\nmessages_per_second = 0\nreceipts_per_second = 1\n";  // and two at once
  }
};

TEST_F(EventLimits, ReceiptsTypingPresenceAndPushOfADeviceShareOne) {
  const std::string bob = fresh_user("bob");
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    const auto phone = online(fresh_user("alice"), "phone", version);
    phone->send(bob, "hello");
    const std::vector<std::pair<std::string, std::string>> kinds{
        {receipt_topic(phone->user(), bob), R"({"read": 1})"},
        {typing_topic(phone->user(), bob), R"({"typing": true})"},
        {phone->presence_topic(), R"({"state": "online"})"},
        {phone->push_topic(), R"({"platform": null})"},
    };
    for (const auto& kind : kinds) {
      const auto& topic = kind.first;
      const auto& payload = kind.second;
      EXPECT_TRUE(eventually([&] {  // fewer flow in than this publishes
        phone->mqtt().publish({.topic = topic, .payload = payload, .correlation = {}});
        for (const ErrorEvent& error : phone->errors()) {
          if (error.topic == topic && error.refusal.code == ErrorCode::rate_limited) return true;
        }
        return false;
      })) << topic;
      const ErrorEvent error = phone->wait_error(ErrorCode::rate_limited, topic);
      ASSERT_TRUE(error.retry_after) << topic;
      EXPECT_GT(error.retry_after->count(), 0) << topic;
      EXPECT_LE(*error.retry_after, std::chrono::seconds(1)) << topic;
    }
    phone->send(bob, "messages have a limit of their own");
    const auto tablet = online(phone->user(), "tablet", version);
    tablet->receipt(bob, "read", 2);  // and so has each device
    tablet->wait_receipt(bob, phone->user(), 2, 2);
  }
}

// A budget of thirty connects, and another one each two seconds.
class ConnectLimits : public SharedPlatformTest<ConnectLimits> {
 public:
  static std::string_view config() { return "[limits]\nconnects_per_minute = 30\n"; }

 protected:
  static int connect(const std::string& user, const std::string& token, MqttVersion version) {
    TestClient client({.port = platform().mqtt_port(),
                       .version = version,
                       .client_id = user + ":phone",
                       .username = user,
                       .password = token,
                       .will = {}});
    return client.connect();
  }
};

TEST_F(ConnectLimits, ADeviceThatConnectsInALoopIsRefusedForAWhile) {
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    const std::string alice = fresh_user("alice");
    const std::string token = platform().tokens().chat(alice);
    int accepted = 0;
    int code = kSuccess;
    for (; accepted < 1000 && code == kSuccess; accepted += code == kSuccess ? 1 : 0) {
      code = connect(alice, token, version);
    }
    EXPECT_GE(accepted, 30);
    EXPECT_EQ(code, version == MqttVersion::v5 ? kConnectionRateExceeded : kServerUnavailable311);
    EXPECT_NO_THROW(online(alice, "tablet", version));
    EXPECT_NO_THROW(online(fresh_user("bob"), "phone", version));
    EXPECT_TRUE(eventually([&] { return connect(alice, token, version) == kSuccess; }));
  }
}

// Nor do they fill the log: neither ours nor the broker's own lines.
TEST_F(ConnectLimits, AStrangersAttemptsLockNobodyOut) {
  const std::string alice = fresh_user("alice");
  const std::string eves = platform().tokens().chat(fresh_user("eve"));
  const auto lines = [] { return std::ranges::count(platform().log_of("broker"), '\n'); };
  const auto before = lines();
  constexpr int kAttempts = 400;
  for (int i = 0; i < kAttempts; ++i) {
    EXPECT_EQ(connect(alice, i % 2 == 0 ? eves : "garbage", MqttVersion::v5), kNotAuthorized);
  }
  EXPECT_LT(lines() - before, kAttempts / 2);
  EXPECT_EQ(connect(alice, platform().tokens().chat(alice), MqttVersion::v5), kSuccess);
}

class NoLimits : public SharedPlatformTest<NoLimits> {};

TEST_F(NoLimits, ZeroMeansNoLimit) {
  const auto alice = online(fresh_user("alice"));
  const std::string bob = fresh_user("bob");
  for (int i = 0; i < 300; ++i) {
    alice->mqtt().publish_async({.topic = msg_topic(alice->user(), bob),
                                 .payload = json{{"id", "m" + std::to_string(i)}, {"body", "x"}}.dump(),
                                 .correlation = {}});
  }
  alice->wait_sent(bob, "m299");
  for (int i = 0; i < 300; ++i) ASSERT_EQ(alice->error_of("blocks"), "");
  EXPECT_TRUE(alice->errors().empty());
}

}  // namespace
}  // namespace duet
