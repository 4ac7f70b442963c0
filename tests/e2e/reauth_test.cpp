// Enhanced Authentication (MQTT 5 4.12): the token as Authentication Data, and a fresh one on the live
// connection.

#include <gmock/gmock.h>

#include <csignal>

#include "protocol/service_payload.h"
#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr const char* kMethod = "OAUTH2-JWT";
constexpr std::uint8_t kReauthenticate = 0x19;
constexpr int kBadMethod = 0x8c;
constexpr int kConnack = 0x20;
constexpr int kDisconnect = 0xe0;
constexpr int kAuth = 0xf0;
constexpr int kPingresp = 0xd0;

// The skew is as small as it can be, so that a token need not live long to see its end.
class Reauth : public SharedPlatformTest<Reauth> {
 public:
  static std::string_view config() {
    return "[limits]\nmessages_per_second = 0\nrequests_per_minute = 0\nconnects_per_minute = "
           "0\n[tokens]\nclock_skew_s = 1\n";
  }

 protected:
  // A connection with the method, byte by byte.
  class Raw {
   public:
    explicit Raw(const EnhancedConnect& connect) : mqtt_(platform().mqtt_port()) {
      mqtt_.send(connect_packet(connect));
      connack_ = mqtt_.packet();
    }
    // CONNACK's reason code; -1 without CONNACK.
    int reason() const { return connack_ && connack_->type_and_flags == kConnack ? connack_->at(1) : -1; }
    std::string connack() const { return connack_ ? connack_->body : std::string(); }
    int subscribe(const std::string& filter) const {
      mqtt_.send(subscribe5_packet(filter, 1));
      const auto suback = mqtt_.packet();
      return suback && suback->type_and_flags == 0x90 ? suback->at(3) : -1;
    }
    int publish(const std::string& topic, const std::string& payload) const {
      mqtt_.send(publish5_packet(topic, payload, 2));
      const auto puback = mqtt_.packet();
      if (!puback || puback->type_and_flags != 0x40) return -1;
      return puback->body.size() > 2 ? puback->at(2) : kSuccess;
    }
    // Sends AUTH and returns what the broker says.
    std::optional<RawPacket> renew(const std::string& token, const std::string& method = kMethod) const {
      mqtt_.send(auth_packet(kReauthenticate, method, token));
      return mqtt_.packet();
    }
    bool alive() const {
      mqtt_.send(mqtt_packet(0xc0, ""));
      const auto pingresp = mqtt_.packet();
      return pingresp && pingresp->type_and_flags == kPingresp;
    }
    const RawMqtt& mqtt() const { return mqtt_; }

   private:
    RawMqtt mqtt_;
    std::optional<RawPacket> connack_;
  };

  EnhancedConnect phone(const std::string& token) const { return {alice_ + ":phone", kMethod, token}; }
  std::string token(seconds ttl = std::chrono::minutes(15)) const {
    return platform().tokens().chat(alice_, ttl);
  }
  std::string token_with(const std::string& claim, const nlohmann::json& value) const {
    auto claims = platform().tokens().claims(alice_);
    claims[claim] = value;
    return platform().tokens().sign(claims);
  }
  std::int64_t seconds_from_now(int seconds_later) const {
    return platform().tokens().claims(alice_).at("iat").get<std::int64_t>() + seconds_later;
  }
  static void expect_success(const std::optional<RawPacket>& answer) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->type_and_flags, kAuth);
    EXPECT_EQ(answer->at(0), kSuccess);
  }
  // The broker says that it ends the connection, and does.
  static void expect_thrown_out(const Raw& raw, const std::optional<RawPacket>& answer,
                                const std::string& what) {
    ASSERT_TRUE(answer) << what;
    EXPECT_EQ(answer->type_and_flags, kDisconnect) << what;
    EXPECT_EQ(answer->at(0), kAdministrativeAction) << what;
    EXPECT_TRUE(raw.mqtt().closed()) << what;
  }
  // As the auth service does: whatever was issued until so long ago.
  void end_logins(seconds ago) {
    TestClient auth({.port = platform().mqtt_port(),
                     .client_id = "duet-auth.test",
                     .username = std::nullopt,
                     .password = platform().tokens().service(Role::auth),
                     .will = std::nullopt});
    ASSERT_EQ(auth.connect(), kSuccess);
    const auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) - ago;
    const Revocation all{*UserId::parse(alice_), std::nullopt, before, before + std::chrono::minutes(15)};
    EXPECT_TRUE(accepted(auth.publish({.topic = "svc/auth/revocations",
                                       .payload = format_revocation_update({false, {all}}),
                                       .correlation = {}})));
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Reauth, ConnectsWithTheMethodAndHasItsOwnRightsOnly) {
  const auto bob = online(bob_);
  const Raw alice(phone(token()));
  ASSERT_EQ(alice.reason(), kSuccess);
  EXPECT_THAT(alice.connack(), HasSubstr(kMethod));
  EXPECT_EQ(alice.subscribe("u/" + bob_ + "/in/#"), kNotAuthorized);
  EXPECT_EQ(alice.publish(in_topic(bob_, alice_, InKind::message), "{}"), kNotAuthorized);
  EXPECT_TRUE(accepted(alice.publish(msg_topic(alice_, bob_), R"({"id": "m1", "body": "hello"})")));
  EXPECT_EQ(bob->wait_message(alice_, "m1").body, "hello");
  EXPECT_EQ(alice.subscribe("u/" + alice_ + "/in/#"), 1);
  bob->send(alice_, "hello yourself");
  const auto heard = alice.mqtt().packet();
  ASSERT_TRUE(heard);
  EXPECT_THAT(heard->body, HasSubstr("hello yourself"));
}

TEST_F(Reauth, AConnectHasToPassEveryCheck) {
  const auto victim = online(alice_);
  for (const ForgedToken& forged : forged_tokens(platform().tokens(), alice_)) {
    EXPECT_EQ(Raw(phone(forged.token)).reason(), kNotAuthorized) << forged.name;
  }
  EXPECT_EQ(Raw({bob_ + ":phone", kMethod, token()}).reason(), kNotAuthorized);
  EXPECT_EQ(Raw({alice_, kMethod, token()}).reason(), kNotAuthorized);
  EXPECT_EQ(Raw({"duet-store", kMethod, token()}).reason(), kNotAuthorized);
  EXPECT_EQ(Raw({alice_ + ":phone", kMethod, token(), bob_}).reason(), kNotAuthorized);
  EXPECT_EQ(Raw({alice_ + ":phone", kMethod, token_with("device", "tab")}).reason(), kNotAuthorized);
  for (const char* method : {"", "PLAIN", "JWT", "oauth2-jwt"}) {
    EXPECT_EQ(Raw({alice_ + ":phone", method, token()}).reason(), kBadMethod) << method;
  }
  victim->round_trip();
  EXPECT_EQ(Raw({alice_ + ":tab", kMethod, token(), alice_}).reason(), kSuccess);
}

// Beside it a connection whose token is the same and is not renewed: its end says when the token was over.
TEST_F(Reauth, ARenewedConnectionOutlivesItsFirstToken) {
  const std::string first = token(seconds(3));
  const Raw renewed(phone(first));
  const Raw left_alone({alice_ + ":tab", kMethod, first});
  ASSERT_EQ(renewed.reason(), kSuccess);
  ASSERT_EQ(left_alone.reason(), kSuccess);
  expect_success(renewed.renew(token()));
  expect_thrown_out(left_alone, left_alone.mqtt().packet(), "the end of its token");
  EXPECT_TRUE(renewed.alive());
  EXPECT_EQ(renewed.subscribe("u/" + alice_ + "/in/#"), 1);
  expect_success(renewed.renew(token(seconds(1))));  // and again: it ends with the last one
  expect_thrown_out(renewed, renewed.mqtt().packet(), "the end of its last token");
}

TEST_F(Reauth, AnyOtherTokenEndsTheConnection) {
  std::vector<ForgedToken> rows = forged_tokens(platform().tokens(), alice_);
  rows.push_back({"another user's", platform().tokens().chat(bob_)});
  rows.push_back({"another device's", token_with("device", "tab")});
  rows.push_back({"a service's", platform().tokens().service(Role::store)});
  for (const auto& [name, data] : rows) {
    const Raw alice(phone(token()));
    ASSERT_EQ(alice.reason(), kSuccess) << name;
    expect_thrown_out(alice, alice.renew(data), name);
  }
}

// Others hear that the device is not online any more.
TEST_F(Reauth, TheEndIsAnEndLikeAnyOther) {
  const auto tab = online(alice_, "tab");
  tab->await_store();
  const Raw raw(phone(token()));
  EXPECT_TRUE(accepted(raw.publish("u/" + alice_ + "/d/phone/presence", R"({"state":"online"})")));
  const auto phone_is = [&](bool online) {
    const auto devices = tab->result("devices").at("devices");
    for (const auto& device : devices) {
      if (device.at("device") == "phone") return device.at("online").get<bool>() == online;
    }
    return false;
  };
  EXPECT_TRUE(eventually([&] { return phone_is(true); }));
  expect_thrown_out(raw, raw.renew("nonsense"), "nonsense");
  EXPECT_TRUE(eventually([&] { return phone_is(false); }));
}

TEST_F(Reauth, TheEndOfALoginReachesTheTokenThatIsInForce) {
  const std::string old_token = token_with("iat", seconds_from_now(-600));
  const Raw old(phone(old_token));
  const Raw renewed({alice_ + ":tab", kMethod, old_token});
  expect_success(renewed.renew(token()));
  end_logins(seconds(300));
  expect_thrown_out(old, old.mqtt().packet(), "its login has ended");
  EXPECT_EQ(Raw(phone(old_token)).reason(), kNotAuthorized);
  EXPECT_TRUE(renewed.alive());
  expect_thrown_out(renewed, renewed.renew(old_token), "a token of the ended login");
}

// MQTT 5 4.12.1 forbids it; the broker closes without a word, and it stays the only connection that suffers.
TEST_F(Reauth, AConnectionWithAPasswordCannotBeRenewed) {
  const auto bob = online(bob_);
  const RawMqtt old_style(platform().mqtt_port());
  old_style.send(connect_packet(alice_ + ":phone", alice_, token()));
  ASSERT_EQ(old_style.receive(4), std::string("\x20\x02\x00\x00", 4));
  old_style.send(auth_packet(kReauthenticate, kMethod, token()));
  EXPECT_EQ(old_style.packet(), std::nullopt);
  bob->round_trip();
}

// What is no AUTH of 4.12, Mosquitto's own confusion included: an AUTH without a reason code is to it the
// second step of a first authentication.
TEST_F(Reauth, AnAuthThatIsNoneEndsItsConnectionAndNoOther) {
  const auto bob = online(bob_);
  const std::string good = token();
  const std::vector<std::pair<std::string, std::string>> rows{
      {"empty", mqtt_packet(0xf0, "")},
      {"without properties", mqtt_packet(0xf0, "\x19")},
      {"a reason that is none", auth_packet(0x00, kMethod, good)},
      {"a continuation", auth_packet(0x18, kMethod, good)},
      {"another method", auth_packet(kReauthenticate, "PLAIN", good)},
      {"no method", mqtt_packet(0xf0, std::string("\x19\x00", 2))},
  };
  for (const std::uint32_t session_expiry_s : {0U, 3600U}) {
    for (const auto& [name, packet] : rows) {
      auto connect = phone(good);
      connect.session_expiry_s = session_expiry_s;
      for (int round = 0; round < 3; ++round) {  // whatever the last one left behind
        const Raw alice(connect);
        ASSERT_EQ(alice.reason(), kSuccess) << name;
        alice.mqtt().send(packet);
        const auto answer = alice.mqtt().packet();
        ASSERT_TRUE(answer) << name;
        EXPECT_EQ(answer->type_and_flags, kDisconnect) << name;
        EXPECT_GE(answer->at(0), 0x80) << name;
        EXPECT_TRUE(alice.mqtt().closed()) << name;
      }
    }
  }
  const Raw last(phone(good));
  EXPECT_TRUE(last.alive());
  bob->round_trip();
}

// On SIGHUP the broker asks about all sessions anew; of these it has no password.
TEST_F(Reauth, SighupKeepsItsSessionsLiveAndAsleep) {
  const auto bob = online(bob_);
  auto sleeping = EnhancedConnect{alice_ + ":sleeper", kMethod, token()};
  sleeping.session_expiry_s = 3600;
  {
    const Raw sleeper(sleeping);
    EXPECT_EQ(sleeper.subscribe("u/" + alice_ + "/in/#"), 1);
    sleeper.mqtt().send(mqtt_packet(0xe0, ""));
    EXPECT_TRUE(sleeper.mqtt().closed());
  }
  const Raw alice(phone(token()));
  platform().kill(Service::broker, SIGHUP);
  ASSERT_TRUE(
      eventually([] { return platform().log_of("broker").find("Reloading config") != std::string::npos; }));
  EXPECT_TRUE(alice.alive());
  expect_success(alice.renew(token()));
  const std::string id = bob->send(alice_, "while you slept").id.str();
  const Raw awake(sleeping);
  ASSERT_EQ(awake.connack().at(0), 1) << "the session was gone";
  const auto queued = awake.mqtt().packet();
  ASSERT_TRUE(queued);
  EXPECT_THAT(queued->body, HasSubstr(id));
}

// What people's apps do it with, straight and through the gateway.
TEST_F(Reauth, MqttJsRenewsAndIsToldTheEnd) {
  std::vector<std::unique_ptr<SdkClient>> short_lived;
  for (const SdkKind kind : {SdkKind::mqttjs_tcp, SdkKind::mqttjs_websocket}) {
    const std::string user = fresh_user("carol");
    const auto connected = [&](const std::string& device) {
      return make_sdk_client(kind, {.mqtt_port = platform().mqtt_port(),
                                    .ws_url = platform().ready()->at("ws"),
                                    .version = MqttVersion::v5,
                                    .user = user,
                                    .device = device,
                                    .token = platform().tokens().chat(user),
                                    .filters = {"u/" + user + "/in/#"},
                                    .method = kMethod});
    };
    auto web = connected("web");
    web->renew(platform().tokens().chat(user));
    web->publish(msg_topic(user, bob_), R"({"id": "m1", "body": "still here"})");
    web->wait_for(in_topic(user, bob_, InKind::sent), [](const auto&) { return true; });
    web->renew(platform().tokens().chat(user, seconds(3)));
    const auto tab = connected("tab");
    EXPECT_THROW(tab->renew(platform().tokens().chat(bob_)), std::runtime_error);
    EXPECT_EQ(tab->wait_ended(), kAdministrativeAction) << to_string(kind);
    short_lived.push_back(std::move(web));
  }
  for (const auto& web : short_lived) EXPECT_EQ(web->wait_ended(), kAdministrativeAction);
}

}  // namespace
}  // namespace duet
