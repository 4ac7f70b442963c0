// The tests' own tools, against a plain Mosquitto: a tool that overlooks something makes every test
// worthless.

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>

#include "acl/token.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/sanitizer_reports.h"
#include "tests/support/sdk_client.h"
#include "tests/support/test_client.h"
#include "tests/support/tokens.h"

namespace duet {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Environment, TellsNumbersAndNothingElse) {
  EXPECT_EQ(number_from_environment("DUET_TEST_NUMBER", 7), 7U);
  for (const char* wrong : {"", "x", "1x", "-1", "18446744073709551616"}) {
    setenv("DUET_TEST_NUMBER", wrong, 1);
    EXPECT_THROW(number_from_environment("DUET_TEST_NUMBER", 7), std::runtime_error) << wrong;
  }
  setenv("DUET_TEST_NUMBER", "12", 1);
  EXPECT_EQ(number_from_environment("DUET_TEST_NUMBER", 7), 12U);
  unsetenv("DUET_TEST_NUMBER");
}

// Also beyond the slice that is locked first.
TEST(FreePort, IsAnotherEachTime) {
  std::set<std::uint16_t> ports;
  for (int number = 0; number < 100; ++number) EXPECT_TRUE(ports.insert(free_port()).second);
}

TEST(SanitizerReports, AreFoundInLogsAndNothingElseIs) {
  const TempDir dir;
  std::filesystem::create_directory(dir.path() / "log");
  std::ofstream(dir.path() / "log" / "store.log") << "info: all is well\nSuppressions used:\n";
  EXPECT_THAT(sanitizer_reports(dir.path()), IsEmpty());
  EXPECT_THAT(sanitizer_reports(dir.path() / "none"), IsEmpty());

  std::ofstream(dir.path() / "log" / "store.log", std::ios::app)
      << "==1==ERROR: AddressSanitizer: heap-use-after-free\n  #0 first\ngate.cpp:1:2: runtime error: "
         "overflow\n";
  std::ofstream(dir.path() / "race") << "WARNING: ThreadSanitizer: data race (pid=1)\n";
  EXPECT_THAT(sanitizer_reports(dir.path()),
              ::testing::UnorderedElementsAre(::testing::HasSubstr("#0 first"),
                                              "store.log:\ngate.cpp:1:2: runtime error: overflow",
                                              ::testing::HasSubstr("data race")));
}

// Mosquitto with two listeners, anonymous, and a list of topics that may be used.
class PlainBroker : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto acl = dir_.path() / "acl";
    std::ofstream(acl) << "pattern readwrite open/#\n";
    std::ofstream(dir_.path() / "mosquitto.conf")
        << "listener " << port_ << " 127.0.0.1\nlistener " << ws_port_ << " 127.0.0.1\nprotocol websockets\n"
        << "allow_anonymous true\nuser root\nacl_file " << acl.string() << "\n";
    broker_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"/usr/sbin/mosquitto", "-c", (dir_.path() / "mosquitto.conf").string()},
        ChildProcess::Streams::to_log, dir_.path() / "log");
    ASSERT_TRUE(eventually([this] { return client("probe")->connect() == kSuccess; }))
        << text_of(dir_.path() / "log");
  }

  std::unique_ptr<TestClient> client(const std::string& id, MqttVersion version = MqttVersion::v5,
                                     std::optional<Publish> will = std::nullopt) const {
    return std::make_unique<TestClient>(ConnectSpec{.port = port_,
                                                    .version = version,
                                                    .client_id = id,
                                                    .username = {},
                                                    .password = {},
                                                    .will = std::move(will)});
  }

  TempDir dir_;
  std::uint16_t port_ = free_port();
  std::uint16_t ws_port_ = free_port();
  std::unique_ptr<ChildProcess> broker_;
};

Publish to(const std::string& topic, const std::string& payload) {
  return {.topic = topic, .payload = payload, .correlation = {}};
}

TEST_F(PlainBroker, TestClientTellsReasonsAndReceives) {
  const std::string binary("c\0d", 3);
  const auto one = client("one");
  ASSERT_EQ(one->connect(), kSuccess);
  EXPECT_EQ(one->subscribe("open/#"), 1);
  EXPECT_EQ(one->publish(to("open/a", "x")), kSuccess);
  EXPECT_EQ(one->publish(to("closed/a", "x")), kNotAuthorized);
  EXPECT_EQ(one->publish({.topic = "open/b", .payload = "y", .qos = 1, .correlation = binary}), kSuccess);
  const auto received = one->wait_for([](const Received& r) { return r.topic == "open/b"; });
  ASSERT_TRUE(received);
  EXPECT_EQ(received->correlation, binary);
  EXPECT_THAT(one->inbox(), SizeIs(2));
  EXPECT_TRUE(one->unsubscribe("open/#"));
}

TEST_F(PlainBroker, TestClientSeesTheEndOfItsConnection) {
  const auto one = client("one");
  ASSERT_EQ(one->connect(), kSuccess);
  const auto taker = client("one");  // the same client id takes the session over
  ASSERT_EQ(taker->connect(), kSuccess);
  EXPECT_TRUE(one->wait_disconnected());
  EXPECT_EQ(one->publish(to("open/a", "x")), kNoAnswer);
  broker_->signal(SIGKILL);
  EXPECT_TRUE(taker->wait_disconnected());
  EXPECT_EQ(client("two")->connect(), kNoAnswer);
}

TEST_F(PlainBroker, TestClientsWillIsSentWhenItDropsAndNotWhenItDisconnects) {
  const auto watcher = client("watcher", MqttVersion::v3_1_1);
  ASSERT_EQ(watcher->connect(), kSuccess);
  ASSERT_EQ(watcher->subscribe("open/#"), 1);
  ASSERT_EQ(client("polite", MqttVersion::v5, to("open/will", "polite"))->connect(), kSuccess);
  const auto rude = client("rude", MqttVersion::v5, to("open/will", "rude"));
  ASSERT_EQ(rude->connect(), kSuccess);
  rude->drop();
  ASSERT_TRUE(watcher->wait_for([](const Received&) { return true; }));
  EXPECT_EQ(watcher->inbox().front().payload, "rude");
  // As when the connection ends between two of a client's steps.
  EXPECT_EQ(rude->subscribe("open/#"), kNoAnswer);
  EXPECT_FALSE(rude->unsubscribe("open/#"));
  EXPECT_EQ(rude->publish(to("open/a", "x")), kNoAnswer);
}

TEST_F(PlainBroker, EveryKindOfSdkClientPublishesAndReceives) {
  for (const SdkKind kind :
       {SdkKind::mosquitto_cli, SdkKind::mqttjs_tcp, SdkKind::mqttjs_websocket, SdkKind::paho_cpp}) {
    for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
      SCOPED_TRACE(std::string(to_string(kind)) + " " + std::string(to_string(version)));
      const auto sdk =
          make_sdk_client(kind, {.mqtt_port = port_,
                                 .ws_url = "ws://127.0.0.1:" + std::to_string(ws_port_) + "/mqtt",
                                 .version = version,
                                 .user = "u",
                                 .device = "d",
                                 .token = "t",
                                 .filters = {"open/#"}});
      sdk->publish("open/x/y", R"({"text": "ä\n\"€"})");
      const auto json = sdk->wait_for("open/x/y", [](const nlohmann::json&) { return true; });
      EXPECT_EQ(json.at("text"), "ä\n\"€");
    }
  }
}

// The forgeries must be refused for what they are named after, and for nothing else.
TEST(Tokens, AreWhatTheyClaimToBe) {
  const TempDir dir;
  std::filesystem::create_directory(dir.path() / "secrets");
  std::ofstream(dir.path() / "secrets" / "signing.pem")
      << SigningKey::generate(SignatureAlgorithm::es256).to_pem();
  const TokenMint mint(dir.path());
  const TokenVerifier verifier(*JwkSet::parse(mint.jwk_set()), {.issuer = "duet", .audience = "duet"});
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());

  EXPECT_TRUE(verifier.verify(mint.chat("alice"), now));
  EXPECT_TRUE(verifier.verify(mint.sign(mint.claims("alice")), now));
  EXPECT_TRUE(verifier.verify(mint.service(Role::store), now));
  EXPECT_EQ(verifier.verify(mint.chat("alice", std::chrono::seconds(-60)), now).error(), TokenError::expired);

  std::vector<std::string> let_in;
  std::vector<TokenError> errors;
  for (const ForgedToken& forged : forged_tokens(mint, "alice")) {
    const auto verified = verifier.verify(forged.token, now);
    if (!verified) {
      errors.push_back(verified.error());
    } else if (principal_for(*verified, "alice:phone")) {
      let_in.push_back(forged.name);
    }
  }
  EXPECT_THAT(let_in, IsEmpty());
  for (int error = 0; error <= static_cast<int>(TokenError::bad_scope); ++error) {
    EXPECT_THAT(errors, Contains(static_cast<TokenError>(error)))
        << to_string(static_cast<TokenError>(error));
  }
}

TEST(RunCommand, TellsStatusAndOutput) {
  const Finished finished = run_command({"sh", "-c", "cat; echo oops >&2; exit 3"}, "hello");
  EXPECT_EQ(finished.status, 3);
  EXPECT_EQ(finished.out, "hello");
  EXPECT_EQ(finished.err, "oops\n");
}

TEST(ProcessesNaming, FindsAChildByItsArguments) {
  const TempDir dir;
  const ChildProcess child({"sh", "-c", "read never", dir.path().string()}, ChildProcess::Streams::piped,
                           dir.path() / "log");
  EXPECT_TRUE(eventually([&] { return processes_naming(dir.path()).size() == 1; }));
  EXPECT_TRUE(process_runs(child.pid()));
}

}  // namespace
}  // namespace duet
