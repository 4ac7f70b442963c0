// Names without a user: a message to one is refused or kept, and signing up never brings messages from
// before.

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/auth_client.h"
#include "tests/support/patience.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kPhrase = "correct horse battery";

// TestPlatform adds no choice to a configuration that speaks of one.
const std::string kByDefault = std::string(kUnlimited) + "# unknown_recipients = is left to the platform\n";

class NamesTest : public OwnPlatformTest {
 protected:
  explicit NamesTest(const std::string& config) : OwnPlatformTest(config) {}

  AuthClient auth() { return AuthClient(platform().http_port(), "duet"); }
  // 503 while the store is away or has just come.
  int sign_up(const std::string& user) {
    Answer answer;
    eventually([&] {
      answer = auth().sign_up(user, kPhrase);
      return answer.status != 503;
    });
    return answer.status;
  }
  std::unique_ptr<TestDevice> log_in(const std::string& user, MqttVersion version = MqttVersion::v5) {
    auto device = std::make_unique<TestDevice>(platform(), user, "phone", version);
    device->spec().password = auth().log_in(user, kPhrase, "phone").text("access_token");
    EXPECT_TRUE(eventually([&] { return device->connect() == kSuccess; }));
    device->go_online();
    return device;
  }
  void expect_refused(TestDevice& device, const std::string& peer) {
    const std::string id = TestDevice::fresh_id();
    EXPECT_NE(device.publish_message(peer, "hello", id), kNotAuthorized) << "it is the store that decides";
    const auto error = device.wait_error(ErrorCode::not_found, msg_topic(device.user(), peer));
    EXPECT_EQ(error.id->str(), id);
    EXPECT_THAT(device.history(peer), IsEmpty());
  }
};

// --- refused

class UnknownRecipientsRefused : public NamesTest {
 protected:
  UnknownRecipientsRefused() : NamesTest(kByDefault) {}
};

TEST_F(UnknownRecipientsRefused, AMessageToANameThatIsNotKnownIsNotStored) {
  ASSERT_EQ(sign_up("alice"), 201);
  ASSERT_EQ(sign_up("bob"), 201);
  auto alice = log_in("alice");
  auto bob = log_in("bob", MqttVersion::v3_1_1);
  expect_refused(*alice, "mistyped");
  expect_refused(*bob, "mistyped");

  ASSERT_EQ(sign_up("mistyped"), 201) << "nothing was stored under the name";
  alice->send("mistyped", "now there is somebody");  // who has an account, and never connected
  auto stranger = log_in("mistyped");
  EXPECT_THAT(stranger->sync().changes, SizeIs(1));
  bob->send("mistyped", "hello");

  // Who has a token of another kind is known when they have published something.
  TestDevice minted(platform(), "minted");
  minted.connect();
  expect_refused(*alice, "minted");
  minted.mqtt().subscribe(minted.device_topics());
  minted.result("blocks");
  alice->send("minted", "hello");
  const auto present = online("present");
  alice->send("present", "hello");
  EXPECT_EQ(auth().sign_up("present", kPhrase).text("type"), "urn:duet:problem:username_used");
  EXPECT_EQ(auth().sign_up("duet-probe-a", kPhrase).text("type"), "urn:duet:problem:username_taken");
}

TEST_F(UnknownRecipientsRefused, WhileServicesAreAwayNobodyIsStalledAndNothingIsLost) {
  for (const char* user : {"alice", "bob", "carol"}) ASSERT_EQ(sign_up(user), 201);
  auto alice = log_in("alice");
  platform().kill(Service::auth, SIGSTOP);
  alice->send("bob", "hello");
  expect_refused(*alice, "mistyped");
  platform().kill(Service::auth, SIGCONT);

  platform().kill(Service::store, SIGSTOP);
  const std::string kept = TestDevice::fresh_id();
  alice->publish_message("carol", "hello", kept);
  alice->publish_message("mistyped", "hello", TestDevice::fresh_id());
  EXPECT_EQ(auth().sign_up("dave", kPhrase).status, 503);
  platform().kill_and_await({Service::store});
  alice->wait_sent("carol", kept);
  EXPECT_TRUE(eventually([&] { return alice->errors().size() == 2; }));
  ASSERT_EQ(sign_up("dave"), 201);
  alice->send("dave", "hello");
}

// As after the restoration of a backup from before the accounts.
TEST_F(UnknownRecipientsRefused, AStoreThatKnowsNoAccountsIsToldOfThem) {
  for (const char* user : {"alice", "bob"}) ASSERT_EQ(sign_up(user), 201);
  platform().stop();
  for (const auto& file : std::filesystem::directory_iterator(platform().data_dir() / "store")) {
    std::filesystem::remove_all(file);
  }
  platform().start();
  auto alice = log_in("alice");
  EXPECT_TRUE(eventually([&] {
    const std::string id = TestDevice::fresh_id();
    alice->publish_message("bob", "hello", id);
    const auto answered = [&](const auto& received) {
      return received.payload.find(id) != std::string::npos && received.topic != msg_topic("alice", "bob");
    };
    return alice->wait_for(answered, "an answer").topic == in_topic("alice", "bob", InKind::sent);
  }));
}

// --- kept

class UnknownRecipientsKept : public NamesTest {
 protected:
  UnknownRecipientsKept() : NamesTest(std::string(kUnlimited)) {}
};

TEST_F(UnknownRecipientsKept, SignUpIsRefusedWhereMessagesAreWaiting) {
  ASSERT_EQ(sign_up("alice"), 201);
  auto alice = log_in("alice");
  alice->send("mistyped", "for the one I mean");
  const auto refused = auth().sign_up("mistyped", kPhrase);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.text("type"), "urn:duet:problem:username_used");
  EXPECT_EQ(auth().log_in("mistyped", kPhrase).status, 400);
  const auto minted = online("minted");
  minted->send("alice", "hello");
  EXPECT_EQ(sign_up("minted"), 409);
  EXPECT_EQ(sign_up("fresh"), 201);
}

}  // namespace
}  // namespace duet
