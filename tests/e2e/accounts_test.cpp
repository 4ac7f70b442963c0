// From nothing to a chat, and out again: accounts and tokens over HTTP, MQTT with nothing else in hand.

#include <gmock/gmock.h>

#include <set>

#include "tests/support/auth_client.h"
#include "tests/support/platform_test.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

constexpr const char* kGoodPassword = "correct horse battery";

// What the token endpoint gives for a password.
struct Login {
  std::string access;
  std::string refresh;
};

class Accounts : public OwnPlatformTest {
 protected:
  // The service may not listen yet.
  void SetUp() override {
    ASSERT_TRUE(eventually([&] { return healthy(); }));
    for (const char* user : {"alice", "bob"}) {
      ASSERT_EQ(auth().sign_up(user, kGoodPassword).status, 201);
    }
  }

  AuthClient auth() { return AuthClient(platform().http_port(), "duet"); }
  bool healthy() { return auth().raw("GET /healthz HTTP/1.0\r\n\r\n").find("200") != std::string::npos; }

  Login log_in(const std::string& user, const std::string& device) {
    const auto answer = auth().log_in(user, kGoodPassword, device);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return {answer.text("access_token"), answer.text("refresh_token")};
  }

  std::unique_ptr<TestDevice> device(const std::string& user, const std::string& name, const Login& login,
                                     MqttVersion version = MqttVersion::v5) {
    auto made = std::make_unique<TestDevice>(platform(), user, name, version);
    made->spec().password = login.access;
    return made;
  }
  // The broker looks for the first keys of the auth service once a second.
  std::unique_ptr<TestDevice> online_with(const std::string& user, const std::string& name,
                                          const Login& login, MqttVersion version = MqttVersion::v5) {
    auto made = device(user, name, login, version);
    EXPECT_TRUE(eventually([&] { return made->connect() == kSuccess; }));
    made->go_online();
    return made;
  }
};

TEST_F(Accounts, SignUpLogInChatRefreshAndBeDisconnected) {
  const Login phone_login = log_in("alice", "phone");
  const auto phone = online_with("alice", "phone", phone_login);
  const auto laptop = online_with("alice", "laptop", log_in("alice", "laptop"), MqttVersion::v3_1_1);
  const auto bob = make_sdk_client(SdkKind::mqttjs_websocket, {.mqtt_port = platform().mqtt_port(),
                                                               .ws_url = platform().ready()->at("ws"),
                                                               .version = MqttVersion::v5,
                                                               .user = "bob",
                                                               .device = "web",
                                                               .token = log_in("bob", "web").access,
                                                               .filters = {"u/bob/in/#", "u/bob/d/web/#"}});
  const Envelope sent = phone->send("bob", "hello");
  EXPECT_EQ(bob->wait_for("u/bob/in/alice/msg", [](const auto&) { return true; }).at("id"), sent.id.str());

  // A token is its device's and its user's alone.
  EXPECT_NE(device("alice", "tablet", phone_login)->connect(), kSuccess);
  EXPECT_NE(device("bob", "phone", phone_login)->connect(), kSuccess);

  const auto refreshed = auth().refresh(phone_login.refresh);
  ASSERT_EQ(refreshed.status, 200) << refreshed.body;
  const Login second{refreshed.text("access_token"), refreshed.text("refresh_token")};
  phone->spec().password = second.access;
  phone->go_online();

  // RFC 7009: the end of one login is the end of its connection, and of no other.
  EXPECT_EQ(auth().form("/oauth/revoke", {{"client_id", "duet"}, {"token", second.refresh}}).status, 200);
  EXPECT_TRUE(phone->mqtt().wait_disconnected());
  EXPECT_EQ(phone->mqtt().end_reason(), kAdministrativeAction);
  EXPECT_NE(phone->connect(), kSuccess);
  EXPECT_EQ(auth().refresh(second.refresh).status, 400);
  EXPECT_TRUE(laptop->mqtt().connected());

  // And nothing is lost by it.
  laptop->send("bob", "from my laptop");
  const auto again = online_with("alice", "phone", log_in("alice", "phone"));
  EXPECT_EQ(again->history("bob").size(), 2U);
}

TEST_F(Accounts, LoggingOutOfEverythingEndsEveryConnection) {
  const Login login = log_in("alice", "phone");
  const auto phone = online_with("alice", "phone", login);
  const auto laptop = online_with("alice", "laptop", log_in("alice", "laptop"));
  const auto bob = online_with("bob", "phone", log_in("bob", "phone"));
  EXPECT_EQ(auth().json("POST", "/v1/logout", {{"everything", true}}, login.access).status, 204);
  EXPECT_TRUE(phone->mqtt().wait_disconnected());
  EXPECT_TRUE(laptop->mqtt().wait_disconnected());
  EXPECT_TRUE(bob->mqtt().connected());
}

// The broker knows by itself: not even the first attempt passes, whether the auth service is there or not.
TEST_F(Accounts, AnEndedLoginStaysEndedWhenTheBrokerIsKilled) {
  const Login ended = log_in("alice", "phone");
  const Login good = log_in("bob", "phone");
  const auto phone = online_with("alice", "phone", ended);
  EXPECT_EQ(auth().form("/oauth/revoke", {{"client_id", "duet"}, {"token", ended.refresh}}).status, 200);
  EXPECT_TRUE(phone->mqtt().wait_disconnected());
  platform().kill(Service::auth, SIGSTOP);
  for (int kill = 0; kill < 2; ++kill) {
    platform().kill_and_await({Service::broker});
    online_with("bob", "phone", good);
    EXPECT_EQ(device("alice", "phone", ended)->connect(), kNotAuthorized);
  }
  platform().kill(Service::auth, SIGCONT);
}

// A lost phone, and a browser that was left open: from another device, one at a time.
TEST_F(Accounts, ADeviceIsLoggedOutFromAnother) {
  const Login phone_login = log_in("alice", "phone");
  const auto phone = online_with("alice", "phone", phone_login);
  const Login laptop_login = log_in("alice", "laptop");
  const auto laptop = online_with("alice", "laptop", laptop_login, MqttVersion::v3_1_1);
  const auto web = make_sdk_client(SdkKind::mqttjs_websocket, {.mqtt_port = platform().mqtt_port(),
                                                               .ws_url = platform().ready()->at("ws"),
                                                               .version = MqttVersion::v5,
                                                               .user = "alice",
                                                               .device = "web",
                                                               .token = log_in("alice", "web").access,
                                                               .filters = {"u/alice/in/#"}});
  laptop->await_store();
  web->publish("u/alice/d/web/presence", R"({"state": "online"})");
  const auto online_are = [&](const std::set<std::string>& expected) {
    std::set<std::string> online;
    const auto devices = laptop->result("devices").at("devices");
    for (const auto& device : devices) {
      if (device.at("online").get<bool>()) online.insert(device.at("device"));
    }
    return online == expected;
  };
  const auto log_out = [&](const char* device) {
    return auth().json("POST", "/v1/logout", {{"device", device}}, laptop_login.access).status;
  };
  EXPECT_TRUE(eventually([&] { return online_are({"laptop", "phone", "web"}); }));
  EXPECT_EQ(log_out("phone"), 204);
  EXPECT_TRUE(phone->mqtt().wait_disconnected());
  EXPECT_EQ(phone->mqtt().end_reason(), kAdministrativeAction);
  EXPECT_EQ(phone->connect(), kNotAuthorized);
  EXPECT_EQ(auth().refresh(phone_login.refresh).status, 400);
  EXPECT_TRUE(eventually([&] { return online_are({"laptop", "web"}); }));
  EXPECT_EQ(log_out("web"), 204);
  EXPECT_EQ(web->wait_ended(), kAdministrativeAction);
  EXPECT_TRUE(eventually([&] { return online_are({"laptop"}); }));
  EXPECT_TRUE(laptop->mqtt().connected());
}

// Which device a login without one is on is not known: it ends with any.
TEST_F(Accounts, LoggingOutADeviceEndsTheLoginsThatMayBeIts) {
  const auto answer = auth().log_in("alice", kGoodPassword);
  const auto phone =
      online_with("alice", "phone", {answer.text("access_token"), answer.text("refresh_token")});
  const Login laptop_login = log_in("alice", "laptop");
  const auto laptop = online_with("alice", "laptop", laptop_login);
  EXPECT_EQ(auth().json("POST", "/v1/logout", {{"device", "phone"}}, laptop_login.access).status, 204);
  EXPECT_TRUE(phone->mqtt().wait_disconnected());
  EXPECT_EQ(auth().refresh(answer.text("refresh_token")).status, 400);
  const auto refreshed = auth().refresh(laptop_login.refresh);
  EXPECT_EQ(refreshed.status, 200);
  laptop->spec().password = refreshed.text("access_token");
  laptop->go_online();
}

// What a broker did not hear it is told when it is back.
TEST_F(Accounts, ALoginThatEndedWhileTheBrokerWasAwayIsEnded) {
  const Login login = log_in("alice", "phone");
  const auto phone = online_with("alice", "phone", login);
  platform().kill(Service::broker, SIGSTOP);
  EXPECT_EQ(auth().form("/oauth/revoke", {{"client_id", "duet"}, {"token", login.refresh}}).status, 200);
  platform().kill_and_await({Service::broker, Service::auth});
  const auto refused = [&] { return device("alice", "phone", login)->connect() == kNotAuthorized; };
  EXPECT_TRUE(eventually(refused));
  EXPECT_TRUE(eventually([&] { return healthy(); }));
  online_with("alice", "phone", log_in("alice", "phone"))->go_online();
}

}  // namespace
}  // namespace duet
