// Attacks on the door: tokens, client ids and sessions that are not the attacker's.

#include <gmock/gmock.h>

#include <csignal>

#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class Attacks : public SharedPlatformTest<Attacks> {
 protected:
  // CONNACK's code for these credentials.
  static int try_connect(const std::string& client_id, const std::optional<std::string>& username,
                         const std::optional<std::string>& password, MqttVersion version, bool clean = true) {
    TestClient client({.port = platform().mqtt_port(),
                       .version = version,
                       .client_id = client_id,
                       .username = username,
                       .password = password,
                       .clean = clean,
                       .will = {}});
    return client.connect();
  }
  static int refusal(MqttVersion version) {
    return version == MqttVersion::v5 ? kNotAuthorized : kNotAuthorized311;
  }

  // The victim's connection is the one it was, and still gets its messages.
  static void expect_undisturbed(TestDevice& victim, TestDevice& friend_of_hers) {
    EXPECT_TRUE(victim.mqtt().connected());
    const std::string id = friend_of_hers.send(victim.user(), "are you there?").id.str();
    EXPECT_NO_THROW(victim.wait_message(friend_of_hers.user(), id));
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
  const std::string eve_ = fresh_user("eve");
};

// Each is tried with the client id of a device that is connected: it must not even be disturbed.
TEST_F(Attacks, NoForgedTokenOpensAConnectionOrDisturbsOne) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  for (const ForgedToken& forged : forged_tokens(platform().tokens(), alice_)) {
    for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
      EXPECT_EQ(try_connect(alice_ + ":phone", alice_, forged.token, version), refusal(version))
          << forged.name << ", MQTT " << to_string(version);
    }
  }
  EXPECT_NE(try_connect(alice_ + ":phone", std::nullopt, std::nullopt, MqttVersion::v5), kSuccess);
  expect_undisturbed(*alice, *bob);
}

TEST_F(Attacks, AValidTokenDoesNotOpenAnotherUsersSession) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  const std::string token = platform().tokens().chat(eve_);
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    for (const bool clean : {true, false}) {
      for (const std::string& username : {eve_, alice_, std::string()}) {
        EXPECT_EQ(try_connect(alice_ + ":phone", username, token, version, clean), refusal(version))
            << username;
      }
    }
  }
  expect_undisturbed(*alice, *bob);
}

// A persistent session that waits for its owner keeps what is queued for her.
TEST_F(Attacks, NorTakesItWhatIsQueuedForAnother) {
  TestDevice alice(platform(), alice_);
  alice.spec().clean = false;
  alice.spec().session_expiry_s = 3600;
  alice.go_online();
  alice.go_offline();
  const auto bob = online(bob_);
  const std::string id = bob->send(alice_, "for alice only").id.str();
  for (const bool clean : {true, false}) {
    EXPECT_EQ(try_connect(alice_ + ":phone", eve_, platform().tokens().chat(eve_), MqttVersion::v5, clean),
              kNotAuthorized);
  }
  ASSERT_EQ(alice.connect(), kSuccess);  // subscribes to nothing: the session has it all
  EXPECT_EQ(alice.wait_message(bob_, id).body, "for alice only");
}

TEST_F(Attacks, ClientIdsAndUserNamesThatAreNotTheTokensAreRefused) {
  const std::string token = platform().tokens().chat(eve_);
  const std::string store_token = platform().tokens().service(Role::store);
  const auto refused = [&](const std::string& client_id, const std::optional<std::string>& username,
                           const std::string& password) {
    EXPECT_EQ(try_connect(client_id, username, password, MqttVersion::v5), kNotAuthorized)
        << client_id << ", user name " << username.value_or("(none)");
  };
  refused(eve_ + ":phone", alice_, token);
  refused(eve_, eve_, token);
  refused(eve_ + ":", eve_, token);
  refused(":phone", eve_, token);
  refused(eve_ + ":phone:more", eve_, token);
  refused(eve_ + ":a/b", eve_, token);
  refused(eve_ + ":" + std::string(33, 'd'), eve_, token);
  refused(eve_ + "x:phone", eve_, token);
  refused("duet-store", eve_, token);
  refused("duet-store", std::nullopt, token);
  refused("duet-push", "push", store_token);
  refused(eve_ + ":phone", std::nullopt, store_token);
  EXPECT_NE(try_connect("", eve_, token, MqttVersion::v5), kSuccess);  // none at all
  // The neighbours that are right.
  for (const std::optional<std::string>& username : {std::optional<std::string>(), {""}, {eve_}}) {
    EXPECT_EQ(try_connect(eve_ + ":phone", username, token, MqttVersion::v5), kSuccess);
  }
  EXPECT_EQ(try_connect("duet-push", std::nullopt, platform().tokens().service(Role::push), MqttVersion::v5),
            kSuccess);
}

TEST_F(Attacks, GarbageBeforeConnectClosesTheSocketOnly) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), mqtt_packet(0x10, "\x01\x02"), std::string(64, '\xff'),
        publish_packet("u/alice/in/bob/msg", "{}", 1), subscribe_packet("#", 1)}) {
    const RawMqtt raw(platform().mqtt_port());
    raw.send(bytes);
    EXPECT_TRUE(raw.closed());
  }
}

// Topics that no library lets through, after an honest CONNECT.
TEST_F(Attacks, TopicsThatAreNoTopicsCloseTheConnectionOrAreRefused) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  for (const std::string& topic :
       {"u/" + alice_ + "/in/#", std::string("u/+/in/x/msg"), std::string("#"),
        std::string("u/a\0b/in/x/msg", 14), std::string("u/\xff\xfe/in/x/msg"), std::string()}) {
    const RawMqtt raw(platform().mqtt_port());
    raw.send(connect_packet(eve_ + ":raw", eve_, platform().tokens().chat(eve_)));
    ASSERT_EQ(raw.receive(4), std::string("\x20\x02\x00\x00", 4));
    raw.send(publish_packet(topic, R"({"body": "x"})", 1));
    raw.send(mqtt_packet(0xe0, ""));  // DISCONNECT: closed one way or the other
    EXPECT_TRUE(raw.closed());
  }
  expect_undisturbed(*alice, *bob);
  for (const Received& received : alice->mqtt().inbox())
    EXPECT_EQ(received.topic.find(eve_), std::string::npos);
}

// A retained message would wait for every later subscriber.
TEST_F(Attacks, NothingOfAClientsIsRetained) {
  const auto eve = online(eve_);
  const auto alice = online(alice_);
  for (const std::string& topic :
       {msg_topic(eve_, alice_), receipt_topic(eve_, alice_), typing_topic(eve_, alice_),
        eve->presence_topic(), eve->request_topic("devices"), in_topic(alice_, eve_, InKind::message),
        alice->reply_topic()}) {
    eve->mqtt().publish(
        {.topic = topic,
         .payload = R"({"body": "trap", "typing": true, "state": "online", "req": "r", "delivered": 1})",
         .retain = true,
         .correlation = {}});
  }
  // The will as well, which the broker itself would retain.
  TestDevice dying(platform(), eve_, "dying");
  dying.go_online();
  dying.mqtt().drop();
  eve->round_trip();
  settle(*eve, *alice, *eve);

  TestDevice late_eve(platform(), eve_, "phone2");
  late_eve.go_online();
  TestDevice same_device(platform(), eve_, "dying");
  same_device.go_online();
  TestDevice late_alice(platform(), alice_, "phone2");
  late_alice.go_online();
  settle(*eve, *alice, late_alice);
  for (TestDevice* device : {eve.get(), alice.get(), &late_eve, &same_device, &late_alice}) {
    for (const Received& received : device->mqtt().inbox()) {
      EXPECT_FALSE(received.retain) << received.topic << " " << received.payload;
    }
  }
}

// The broker asks for every session's right again on SIGHUP, which logrotate sends every night.
TEST_F(Attacks, SighupKeepsEverySession) {
  const auto alice = online(alice_);
  const auto bob = online(bob_, "phone", MqttVersion::v3_1_1);
  TestDevice sleeper(platform(), bob_, "sleeper");
  sleeper.spec().clean = false;
  sleeper.spec().session_expiry_s = 3600;
  sleeper.go_online();
  sleeper.go_offline();
  const auto reloads = [] {
    const std::string log = platform().log_of("broker");
    int count = 0;
    for (auto at = log.find("Reloading config"); at != std::string::npos;
         at = log.find("Reloading config", at + 1)) {
      ++count;
    }
    return count;
  };
  for (int round = 0; round < 3; ++round) {
    const int before = reloads();
    platform().kill(Service::broker, SIGHUP);
    ASSERT_TRUE(eventually([&] { return reloads() > before; }));
    alice->round_trip();
    bob->round_trip();
    expect_undisturbed(*bob, *alice);
  }
  alice->await_store();
  const std::string id = alice->send(bob_, "while you slept").id.str();
  ASSERT_EQ(sleeper.connect(), kSuccess);
  sleeper.wait_message(alice_, id);
}

// A token ends while its connection lives. The clock skew is a second here, so that it need not last long.
class Expiry : public SharedPlatformTest<Expiry> {
 public:
  static std::string_view config() {
    return "[limits]\nmessages_per_second = 0\nrequests_per_minute = 0\nnew_conversations_per_hour = "
           "0\n[tokens]\nclock_skew_s = 1\n";
  }
};

TEST_F(Expiry, KicksTheConnectionAndAFreshTokenGoesOn) {
  const std::string alice = fresh_user("alice");
  const std::string bob = fresh_user("bob");
  const auto friend_of_hers = online(bob);
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    TestDevice phone(platform(), alice, "phone", version);
    phone.spec().password = platform().tokens().chat(alice, std::chrono::seconds(3));
    phone.go_online();
    const std::string cursor = phone.sync().cursor;
    ASSERT_TRUE(phone.mqtt().wait_disconnected());
    EXPECT_NE(phone.connect(), kSuccess) << "the same token is good no more";
    const std::string id = friend_of_hers->send(alice, "while you were out").id.str();

    phone.spec().password.reset();
    phone.go_online();
    const Synced missed = phone.sync(cursor);
    ASSERT_EQ(missed.changes.size(), 1U);
    EXPECT_EQ(missed.changes[0].at("id"), id);
  }
}

// A reload must neither throw out a session whose token is over before its time nor keep one for ever.
TEST_F(Expiry, SighupDoesNotProlongAToken) {
  const std::string alice = fresh_user("alice");
  TestDevice phone(platform(), alice);
  phone.spec().password = platform().tokens().chat(alice, std::chrono::seconds(3));
  phone.go_online();
  platform().kill(Service::broker, SIGHUP);
  phone.round_trip();
  EXPECT_TRUE(phone.mqtt().wait_disconnected());
}

// The services' own connections outlive their tokens: they renew them in time.
TEST_F(Expiry, ServiceTokensRotate) {
  TestPlatform short_lived("[tokens]\nservice_ttl_s = 6\nclock_skew_s = 1\n");
  TestDevice alice(short_lived, "alice");
  alice.go_online();
  const auto token = [&] { return text_of(short_lived.data_dir() / "secrets" / "store.token"); };
  std::string last = token();
  for (int rotation = 0; rotation < 4; ++rotation) {  // every third of its life: more than one whole life
    ASSERT_TRUE(eventually([&] { return token() != last; }));
    last = token();
    alice.send("bob", "still here?");
  }
  EXPECT_EQ(short_lived.log_of("broker").find("duet-store: its token has expired"), std::string::npos);
}

}  // namespace
}  // namespace duet
