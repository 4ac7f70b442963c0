// What pushes and the bridge must not give away: what people write, who writes it, how devices are reached,
// and the keys of the push services; in logs, payloads, command lines, environments and what the commands
// print.

#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <sstream>

#include "acl/base64url.h"
#include "sqlite/connection.h"
#include "tests/support/bridge_process.h"
#include "tests/support/patience.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct PushSecret {
  std::string name;  // for a failure
  std::string text;
  bool to_services = false;  // it is theirs to know: in requests it may be
};

// With what is not in its place yet.
std::string database_text(const fs::path& database) {
  return text_of(database) + text_of(database.string() + "-wal");
}

// The bridge, its providers and the platform log all they can.
class PushSecrecy : public OwnPlatformTest {
 protected:
  PushSecrecy() : OwnPlatformTest(std::string(kUnlimited) + "[log]\nlevel = \"debug\"\n") {
    providers_.set("fresh_share", 0);  // the operator's test needs tokens of its own
  }

  std::unique_ptr<TestDevice> registered(const std::string& user, const std::string& device,
                                         const json& said) {
    auto made = online(user, device);
    const int before = bridge_.registered();
    EXPECT_LT(made->mqtt().publish({.topic = made->push_topic(), .payload = said.dump(), .correlation = {}}),
              0x80);
    EXPECT_TRUE(eventually([&] { return bridge_.registered() == before + 1; }));
    return made;
  }
  // Says what is no registration. The last two the broker refuses, of the others the bridge's log tells.
  void say_nonsense(TestDevice& device) {
    const std::vector<std::string> nonsense{
        R"({"platform": "fcm", "token": "nonsense with spaces"})",
        R"({"platform": "fcm", "token": "nonsense-of-no-app", "app": "nonsense-app"})",
        R"({"platform": "apns", "token": "nonsense-in-hex"})",
        R"({"platform": "webpush", "token": {"endpoint": "http://nonsense.example/", "keys": {"auth": "nonsense-auth"}}})",
        R"({"platform": "nonsense-platform"})",
        R"(nonsense-json)"};
    for (const auto& payload : nonsense) {
      device.mqtt().publish({.topic = device.push_topic(), .payload = payload, .correlation = {}});
    }
    EXPECT_TRUE(eventually([&] {
      const auto log = bridge_.log();
      std::size_t count = 0;
      for (auto at = log.find("is not taken"); at != std::string::npos; at = log.find("is not taken", at + 1))
        ++count;
      return count == nonsense.size() - 2;
    })) << bridge_.log();
  }
  void wait_pushes(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return providers_.accepted().size() >= count; })) << bridge_.log();
  }
  void plan(PushProvider provider, const std::string& token, json does) {
    does["do"] = "answer";
    providers_.plan({provider, does, token});
  }

  // It is on its way, to those that can read it: the search has something to find.
  void expect_previews(const Envelope& sent) {
    EXPECT_TRUE(eventually([&] { return previews().size() == 2; })) << bridge_.log();
    for (const auto& preview : previews()) {
      EXPECT_EQ(providers_.decrypt(preview_keys_, preview), (json{{"from", alice_}, {"text", sent.body}}));
    }
  }
  std::vector<std::string> previews() const {
    std::vector<std::string> found;
    for (const auto& push : providers_.accepted()) {
      const auto& said = push.provider == "fcm" ? push.payload.at("data") : push.payload;
      if (said.contains("preview")) found.push_back(said.at("preview"));
    }
    return found;
  }

  // Chats and pushes on all three services, refusals of each kind, the operator's commands.
  void live_a_day() {
    const auto alice = online(alice_);
    registered("bob", "phone", {{"platform", "fcm"}, {"token", fcm_token_}})->go_offline();
    registered("bob", "tablet", {{"platform", "apns"}, {"token", apns_token_}})->go_offline();
    registered("bob", "browser", {{"platform", "webpush"}, {"token", subscription_}})->go_offline();
    const json& keys = preview_keys_.at("keys");
    registered("frank", "phone", {{"platform", "fcm"}, {"token", "t-frank"}, {"preview", keys}})
        ->go_offline();
    registered("frank", "tablet", {{"platform", "apns"}, {"token", "00ff"}, {"preview", keys}})->go_offline();
    registered("carol", "phone", {{"platform", "fcm"}, {"token", lost_fcm_token_}})->go_offline();
    registered("dave", "phone", {{"platform", "apns"}, {"token", lost_apns_token_}})->go_offline();
    plan(PushProvider::fcm, lost_fcm_token_, {{"status", 404}, {"reason", "UNREGISTERED"}});
    plan(PushProvider::apns, lost_apns_token_,
         {{"status", 410}, {"reason", "Unregistered"}, {"timestamp", 32503680000000}});
    plan(PushProvider::apns, apns_token_, {{"status", 503}, {"body", "<html>" + apns_token_ + "</html>"}});
    plan(PushProvider::fcm, fcm_token_,
         {{"status", 503}, {"reason", fcm_token_}});  // what it says may be anything
    plan(PushProvider::webpush, endpoint_token_,
         {{"status", 503}, {"body", endpoint_token_}, {"retry_after", 1}});
    const auto sent = alice->send("bob", text_);
    expect_previews(alice->send("frank", text_));
    alice->send("carol", text_);
    alice->send("dave", text_);
    bridge_.why(sent.id.str(), "retry: UNAVAILABLE");
    bridge_.why(sent.id.str(), "retry: HTTP 503, again in ");
    printed_ += bridge_.why(sent.id.str(), "sent: accepted");
    for (const auto* user : {"bob", "carol", "dave", "frank"}) {
      const auto test = bridge_.command({"test", "--user", user});
      printed_ += test.out + test.err;
    }
    printed_ += bridge_.command({"check"}).out;
    wait_pushes(6);
    say_nonsense(*online("erin"));
  }

  // To be found nowhere else from now on. That the search can find it is shown where it belongs.
  void know(const std::string& name, const std::string& text, const std::string& home,
            bool to_services = false) {
    EXPECT_GE(text.size(), 5U) << name;
    EXPECT_NE(home.find(text), std::string::npos) << "the search does not find the " << name;
    secrets_.push_back({name, text, to_services});
  }
  void know_key(const std::string& name, const fs::path& file) {
    const auto text = text_of(file);
    std::istringstream lines(std::regex_replace(text, std::regex(R"(\\n)"), "\n"));
    int count = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.size() < 32 || line.find_first_of("- {\"") != std::string::npos) continue;
      know(name, line, text);
      ++count;
    }
    EXPECT_GE(count, 1) << name;
  }
  void know_what_was_said() {
    const auto store = database_text(platform().data_dir() / "store" / "duet.db");
    know("message", text_, store);
    const auto bridge = database_text(bridge_.database());
    EXPECT_EQ(bridge.find(text_), std::string::npos) << "the bridge keeps what it shows";
    for (const auto& token : {fcm_token_, apns_token_, endpoint_, endpoint_token_}) {
      know("token", token, bridge, true);
    }
    std::string requests;
    for (const auto& request : providers_.requests()) requests += request.headers.dump() + request.body;
    for (const auto& token : {lost_fcm_token_, lost_apns_token_}) know("lost token", token, requests, true);
    know("secret of the browser", subscription_.at("keys").at("auth"), subscription_.dump());
    know("secret of the browser in bytes",
         decode_base64url(subscription_.at("keys").at("auth").get<std::string>()).value(), bridge);
    const std::string preview_secret = preview_keys_.at("keys").at("auth");
    know("secret of previews", preview_secret, preview_keys_.dump());
    know("secret of previews in bytes", decode_base64url(preview_secret).value(), bridge);
    know("rest of a registration", "nonsense", R"(nonsense-json)");
  }
  void know_keys() {
    know_key("key of FCM's account", providers_.fcm_credentials_file());
    know_key("key of APNs", providers_.apns_key_file());
    know_key("VAPID key", providers_.vapid_key_file());
    const auto own_token = text_of(bridge_.config().parent_path() / "push.jwt");
    know("token for the broker", own_token.substr(0, own_token.find('\n')), own_token);
    sqlite::Connection database(bridge_.database(), sqlite::Connection::Mode::read_only);
    sqlite::Statement statement(database, "read the key", "SELECT conversation_key FROM meta");
    auto row = statement.query();
    ASSERT_TRUE(row.next());
    know("key of the conversations' names", std::string(row.blob(0)), database_text(bridge_.database()));
  }
  // Provider tokens, access tokens, assertions, VAPID tokens: as they came.
  void know_credentials() {
    const std::regex credential(R"(ya29\.[\w-]+|[\w-]+\.[\w-]+\.[\w-]{40,})");
    std::set<std::string> kinds;
    for (const auto& request : providers_.requests()) {
      const std::string said = request.headers.value("authorization", request.body);
      std::smatch found;
      ASSERT_TRUE(std::regex_search(said, found, credential)) << request.provider;
      know("credential for " + request.provider, found[0], said, true);
      kinds.insert(request.provider);
    }
    EXPECT_EQ(kinds, (std::set<std::string>{"apns", "fcm", "oauth", "webpush"}));
  }

  void expect_nothing_in(const std::string& text, const std::string& place, bool request = false) const {
    for (const auto& secret : secrets_) {
      if (request && secret.to_services) continue;
      EXPECT_EQ(text.find(secret.text), std::string::npos) << "the " << secret.name << " is in " << place;
    }
  }
  void expect_nothing_in_requests() const {
    std::size_t count = 0;
    for (const auto& request : providers_.requests()) {
      const auto text = request.headers.dump() + request.body;
      expect_nothing_in(text, "a request to " + request.provider, true);
      EXPECT_EQ(text.find(alice_), std::string::npos) << request.provider;
      ++count;
    }
    EXPECT_GE(count, 10U);
    for (const auto& push : providers_.accepted()) {  // Web Push: decrypted
      const auto text = push.payload.dump();
      expect_nothing_in(text, "a push of " + push.provider, true);
      EXPECT_EQ(text.find(alice_), std::string::npos) << push.provider;
    }
  }
  void expect_nothing_in_processes() {
    auto processes = processes_naming(platform().data_dir());
    EXPECT_GE(processes.size(), 5U);
    processes.push_back(bridge_.pid());
    for (const auto process : processes) {
      const auto proc = fs::path("/proc") / std::to_string(process);
      const auto command_line = text_of(proc / "cmdline");
      EXPECT_FALSE(command_line.empty());
      expect_nothing_in(command_line, "a command line");
      expect_nothing_in(text_of(proc / "environ"), "an environment");
    }
  }
  void expect_nothing_in_logs() {
    std::size_t logs = 0;
    for (const auto& entry : fs::directory_iterator(platform().data_dir() / "log")) {
      expect_nothing_in(text_of(entry.path()), entry.path().filename().string());
      ++logs;
    }
    EXPECT_GE(logs, 5U);
    EXPECT_NE(platform().log_of("broker").find("bob:phone"), std::string::npos) << "it does not say much";
    expect_nothing_in(platform().log_of("run"), "what duet-run said");
    expect_nothing_in(bridge_.log(), "the bridge's log");
    EXPECT_EQ(bridge_.log().find(alice_), std::string::npos);
    expect_nothing_in(printed_, "what the commands print");
  }

  const std::string alice_ = "alice-the-sender";
  const std::string text_ = "Meet me at the old bridge at nine";
  const std::string fcm_token_ = "fcm-token:of-bobs-phone_01234567";
  const std::string lost_fcm_token_ = "fcm-token:of-carols-phone_01234567";
  const std::string apns_token_ = "00c0ffee" + std::string(56, 'a');
  const std::string lost_apns_token_ = "00dead00" + std::string(56, 'b');
  PushDouble providers_;
  BridgeProcess bridge_{platform(), providers_, "grace_s = 1\n"};
  const json subscription_ = providers_.subscribe();
  const json preview_keys_ = providers_.subscribe();  // an app's
  const std::string endpoint_ = subscription_.at("endpoint");
  const std::string endpoint_token_ = endpoint_.substr(endpoint_.rfind('/') + 1);
  std::string printed_;  // by the commands
  std::vector<PushSecret> secrets_;
};

TEST_F(PushSecrecy, NothingOfMessagesSendersTokensAndKeysIsToBeFoundWhereItDoesNotBelong) {
  live_a_day();
  know_what_was_said();
  know_keys();
  know_credentials();
  expect_nothing_in_requests();
  expect_nothing_in_processes();
  EXPECT_EQ(bridge_.stop(), 0);  // and what is logged at the end
  EXPECT_EQ(platform().stop(), 0);
  expect_nothing_in_logs();
  EXPECT_EQ(to_string(providers_.violations()), "");
  platform().start();
  bridge_.start();
}

}  // namespace
}  // namespace duet
