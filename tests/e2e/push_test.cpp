// Who is not connected is woken, once, by a push that says nothing; who is, is not. The providers are a
// double, as strict as they are.

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

#include "file_io/secret_file.h"
#include "tests/support/platform_test.h"
#include "tests/support/push_double.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// A running duet-push, with the double for providers.
class BridgeProcess {
 public:
  BridgeProcess(const TestPlatform& platform, const PushDouble& providers) : platform_(platform) {
    write_file_atomically(token_file(), platform.tokens().service(Role::push, std::chrono::hours(1)),
                          kSecretMode);
    std::ofstream(config()) << text(providers);
    start();
  }

  std::filesystem::path config() const { return dir_.path() / "push.toml"; }
  std::string log() const { return text_of(dir_.path() / "push.log"); }
  pid_t pid() const { return process_->pid(); }

  void start() {
    process_ =
        std::make_unique<ChildProcess>(std::vector<std::string>{program("duet-push"), "--config", config()},
                                       ChildProcess::Streams::to_log, dir_.path() / "push.log");
    if (!eventually([this] { return std::filesystem::exists(ready_file()) || process_->exit_status(); }) ||
        process_->exit_status()) {
      throw std::runtime_error("duet-push does not start:\n" + log());
    }
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait();
    std::filesystem::remove(ready_file());
  }
  int stop() {
    process_->signal(SIGTERM);
    return process_->wait().value_or(-1);
  }

  Finished command(std::vector<std::string> words) const {
    words.insert(words.begin(), program("duet-push"));
    words.insert(words.end(), {"--config", config()});
    return run_command(words);
  }
  // What `why` says, once it says `what`.
  std::string why(const std::string& message, const std::string& what) const {
    std::string said;
    eventually([&] {
      said = command({"why", message}).out;
      return said.find(what) != std::string::npos;
    });
    return said;
  }

 private:
  std::filesystem::path token_file() const { return dir_.path() / "push.jwt"; }
  std::filesystem::path ready_file() const { return dir_.path() / "ready"; }
  std::string text(const PushDouble& providers) const {
    const auto quoted = [](const std::filesystem::path& path) { return "\"" + path.string() + "\"\n"; };
    const auto url = [&](PushProvider provider) { return "\"" + providers.url(provider) + "\"\n"; };
    const auto web_host = providers.url(PushProvider::webpush).substr(std::string("https://").size());
    return "ready_file = " + quoted(ready_file()) +
           "[broker]\nuri = \"mqtt://127.0.0.1:" + std::to_string(platform_.mqtt_port()) +
           "\"\ntoken_file = " + quoted(token_file()) +
           "[database]\npath = " + quoted(dir_.path() / "push.db") + "[decision]\ngrace_s = 3\n" +
           "[tls]\nca_file = " + quoted(providers.ca_file()) + "[log]\nlevel = \"debug\"\n" +
           "[[fcm]]\napp = \"chat\"\ncredentials_file = " + quoted(providers.fcm_credentials_file()) +
           "url = " + url(PushProvider::fcm) + "[[apns]]\napp = \"chat\"\ntopic = \"" +
           providers.apns_topic() + "\"\nteam_id = \"" + providers.apns_team() + "\"\nkey_id = \"" +
           providers.apns_key_id() + "\"\nkey_file = " + quoted(providers.apns_key_file()) +
           "url_production = " + url(PushProvider::apns) +
           "url_sandbox = " + url(PushProvider::apns_sandbox) +
           "[[webpush]]\napp = \"chat\"\nsubject = \"mailto:duet@example.com\"\nkey_file = " +
           quoted(providers.vapid_key_file()) + "allowed_hosts = [\"" + web_host + "\"]\n";
  }

  const TestPlatform& platform_;
  TempDir dir_;
  std::unique_ptr<ChildProcess> process_;
};

class Push : public SharedPlatformTest<Push> {
 protected:
  static void SetUpTestSuite() {
    SharedPlatformTest<Push>::SetUpTestSuite();
    providers_ = std::make_unique<PushDouble>();
    providers_->set("fresh_share",
                    0);  // the bridge that is killed and the operator's test need tokens of their own
    bridge_ = std::make_unique<BridgeProcess>(platform(), *providers_);
  }
  static void TearDownTestSuite() {
    if (bridge_) {
      EXPECT_EQ(bridge_->stop(), 0);
    }
    bridge_.reset();
    providers_.reset();
    SharedPlatformTest<Push>::TearDownTestSuite();
  }
  void TearDown() override {
    EXPECT_EQ(to_string(providers_->violations()), "");
    SharedPlatformTest<Push>::TearDown();
    if (HasFailure()) std::cerr << bridge_->log();
  }

  static Publish push_says(const TestDevice& device, const json& registration) {
    return {.topic = device.push_topic(), .payload = registration.dump(), .correlation = {}};
  }
  // The device is registered when this returns.
  static void register_push(TestDevice& device, const json& registration) {
    const auto before = registered();
    ASSERT_LT(device.mqtt().publish(push_says(device, registration)), 0x80);
    ASSERT_TRUE(eventually([&] { return registered() == before + 1; }));
  }
  static int registered() {
    const auto said = bridge_->command({"check"}).out;
    const auto end = said.find(" devices are registered");
    return end == std::string::npos ? -1 : std::stoi(said.substr(said.rfind(' ', end - 1)));
  }
  // A device of FCM that was online and has registered the token.
  static std::unique_ptr<TestDevice> phone(const std::string& user, const std::string& token) {
    auto device = online(user);
    register_push(*device, {{"platform", "fcm"}, {"token", token}});
    return device;
  }
  static std::vector<AcceptedPush> pushes_to(const std::string& token) {
    auto all = providers_->accepted();
    std::erase_if(all, [&](const AcceptedPush& push) { return push.token != token; });
    return all;
  }
  static AcceptedPush wait_push(const std::string& token, std::size_t count = 1) {
    if (!eventually([&] { return pushes_to(token).size() >= count; })) {
      throw std::runtime_error("no push came to " + token);
    }
    return pushes_to(token).at(count - 1);
  }
  static std::string seq_of(const AcceptedPush& push) { return push.payload.at("data").at("seq"); }

  static inline std::unique_ptr<PushDouble> providers_;
  static inline std::unique_ptr<BridgeProcess> bridge_;
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
  const std::string token_ = "token-of-" + bob_;
};

TEST_F(Push, WhoIsOfflineIsWokenOnEveryPlatformAndLearnsNothingFromThePush) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  const std::string hex = "00c0ffee" + std::string(56, 'a');
  auto tablet = online(bob_, "tablet");
  register_push(*tablet, {{"platform", "apns"}, {"token", hex}});
  tablet->go_offline();
  const json subscription = providers_->subscribe();
  auto browser = online(bob_, "browser");
  register_push(*browser, {{"platform", "webpush"}, {"token", subscription}});
  browser->go_offline();

  const Envelope sent = alice->send(bob_, "a-word-that-nobody-says");
  const std::string endpoint = subscription.at("endpoint");
  for (const auto& token : {token_, hex, endpoint.substr(endpoint.rfind('/') + 1)}) {
    const auto push = wait_push(token);
    const std::string all = push.payload.dump() + push.headers.dump();
    for (const auto& secret : {std::string("a-word-that-nobody-says"), alice_, sent.id.str()}) {
      EXPECT_THAT(all, Not(HasSubstr(secret))) << push.provider;
    }
    EXPECT_THAT(bridge_->log(), Not(HasSubstr(token)));
  }
  EXPECT_THAT(bridge_->log(), Not(HasSubstr("a-word-that-nobody-says")));
  EXPECT_THAT(bridge_->why(sent.id.str(), "sent"), HasSubstr("offline"));
}

TEST_F(Push, WhoConfirmsGetsNoneAndTheGhostGetsItAfterTheGraceTime) {
  const auto alice = online(alice_);
  const auto bob = phone(bob_, token_);
  const std::string ghost = fresh_user("ghost");
  const auto lost = phone(ghost, "token-of-" + ghost);  // it never says that it has anything

  const Envelope confirmed = alice->send(bob_, "hello");
  const Envelope ignored = alice->send(ghost, "are you there?");
  bob->wait_message(alice_, confirmed.id.str());
  bob->receipt(alice_, "delivered", confirmed.seq);

  EXPECT_THAT(bridge_->why(confirmed.id.str(), "cancelled"), HasSubstr("has said that it has"));
  wait_push("token-of-" + ghost);
  EXPECT_THAT(bridge_->why(ignored.id.str(), "sent"), HasSubstr("grace"));
  EXPECT_TRUE(pushes_to(token_).empty());
}

TEST_F(Push, WhatWasReadElsewhereFirstIsNotPushed) {
  const auto alice = online(alice_);
  const auto bob = phone(bob_, token_);  // connected, and silent
  const auto tablet = online(bob_, "tablet");
  const Envelope sent = alice->send(bob_, "hello");
  tablet->wait_message(alice_, sent.id.str());
  tablet->receipt(alice_, "read", sent.seq);
  EXPECT_THAT(bridge_->why(sent.id.str(), "cancelled"), HasSubstr("read"));
  EXPECT_TRUE(pushes_to(token_).empty());
}

TEST_F(Push, WhatIsReadAfterAPushIsTakenFromTheBadgeSilently) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  const Envelope sent = alice->send(bob_, "hello");
  EXPECT_EQ(wait_push(token_).payload.at("data").at("badge"), "1");
  const auto tablet = online(bob_, "tablet");
  tablet->receipt(alice_, "read", sent.seq);
  const auto silent = wait_push(token_, 2);
  EXPECT_EQ(silent.payload.at("data").at("kind"), "badge");
  EXPECT_EQ(silent.payload.at("data").at("badge"), "0");
}

TEST_F(Push, WhatIsMutedIsDeliveredButNotPushed) {
  const auto alice = online(alice_);
  auto bob = phone(bob_, token_);
  alice->send(bob_, "hello");
  bob->result("mute", {{"with", alice_}});
  bob->receipt(alice_, "delivered", 1);
  bob->go_offline();
  const Envelope sent = alice->send(bob_, "still there?");
  EXPECT_THAT(bridge_->why(sent.id.str(), "cancelled"), HasSubstr("muted"));
  bob->go_online();
  EXPECT_EQ(bob->history(alice_).size(), 2U);
  bob->result("unmute", {{"with", alice_}});
  bob->go_offline();
  alice->send(bob_, "now?");
  wait_push(token_);
}

TEST_F(Push, FiftyMessagesAreAtMostThreePushesAndTheLastSpeaksOfThemAll) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  for (int i = 0; i < 50; ++i) alice->publish_message(bob_, "and another thing", TestDevice::fresh_id());
  EXPECT_TRUE(eventually([&] {
    const auto pushes = pushes_to(token_);
    return !pushes.empty() && seq_of(pushes.back()) == "50";
  }));
  EXPECT_LE(pushes_to(token_).size(), 3U);
}

TEST_F(Push, AKilledBridgeGoesOnWhereItWas) {
  const auto alice = online(alice_);
  phone(bob_, token_)->go_offline();
  const std::string carol = fresh_user("carol");
  phone(carol, "token-of-" + carol)->go_offline();
  // The one push has reached the provider, and no answer the bridge; the other is not decided yet.
  providers_->plan(
      {.provider = PushProvider::fcm, .does = {{"do", "hang"}, {"accept", true}}, .token = token_});
  alice->send(bob_, "hello");
  const auto first = wait_push(token_);
  bridge_->kill();
  alice->send(carol, "hello");
  bridge_->start();
  wait_push("token-of-" + carol);
  const auto again = wait_push(token_, 2);
  EXPECT_EQ(again.id, first.id);  // the device knows it for the same
  EXPECT_EQ(pushes_to("token-of-" + carol).size(), 1U);
}

TEST_F(Push, ATokenThatIsGoneIsForgotten) {
  const auto alice = online(alice_);
  const std::string hex = "00dead00" + std::string(56, 'b');
  auto bob = online(bob_);
  register_push(*bob, {{"platform", "apns"}, {"token", hex}});
  const int before = registered();
  bob->go_offline();
  const auto later = std::chrono::system_clock::now() + std::chrono::minutes(1);
  providers_->plan(
      {.provider = PushProvider::apns,
       .does = {{"do", "answer"},
                {"status", 410},
                {"reason", "Unregistered"},
                {"timestamp",
                 std::chrono::duration_cast<std::chrono::milliseconds>(later.time_since_epoch()).count()}},
       .token = hex});
  const Envelope sent = alice->send(bob_, "hello");
  EXPECT_THAT(bridge_->why(sent.id.str(), "dropped"), HasSubstr("Unregistered"));
  EXPECT_TRUE(eventually([&] { return registered() == before - 1; }));
}

TEST_F(Push, AnOperatorCanTryItAndIsToldWhatIsWrong) {
  phone(bob_, token_)->go_offline();
  const auto good = bridge_->command({"test", "--user", bob_});
  EXPECT_EQ(good.status, 0) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("accepted"));
  EXPECT_THAT(good.out, Not(HasSubstr(token_)));
  wait_push(token_);
  const auto nobody = bridge_->command({"test", "--user", "nobody"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_EQ(bridge_->command({"why", "no-such-message"}).status, 1);
}

TEST_F(Push, WhoTakesItsRegistrationBackGetsNoMore) {
  const auto alice = online(alice_);
  auto bob = phone(bob_, token_);
  const int before = registered();
  bob->mqtt().publish(push_says(*bob, {{"platform", nullptr}}));
  EXPECT_TRUE(eventually([&] { return registered() == before - 1; }));
  bob->go_offline();
  const std::string carol = fresh_user("carol");
  phone(carol, "token-of-" + carol)->go_offline();
  alice->send(bob_, "hello");
  alice->send(carol, "hello");  // after it
  wait_push("token-of-" + carol);
  EXPECT_TRUE(pushes_to(token_).empty());
}

}  // namespace
}  // namespace duet
