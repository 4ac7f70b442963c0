// What follows from each answer of the push services, and from each way to get none: seen by the next request
// that they get, and by what `duet-push why` says. Each row has an app of its own, so a channel of its own.

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "push_bridge/apns_answer.h"
#include "sqlite/connection.h"
#include "tests/e2e/push_error_rows.h"
#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::size_t kRowApps = 50;  // as many as a service has rows, or more

class PushErrorsTest : public PushPlatformTest<PushErrorsTest> {
 public:
  // Those of the rows, and one for each other test.
  static std::vector<std::string> apps() {
    std::vector<std::string> names{"away", "expired", "grants", "lost", "many", "refused", "untrusted"};
    for (std::size_t n = 0; n < kRowApps; ++n) names.push_back("row" + std::to_string(n));
    return names;
  }

 protected:
  static void SetUpTestSuite() {
    PushPlatformTest::SetUpTestSuite();
    // Each app gets an access token of its own, of the one account that the double knows.
    providers_->set("fresh_share", -1);
    // Apple's 15 minutes are nothing that a test can wait for, nor an operator: so they are a setting.
    providers_->set("apns_min_retry_ms", 900);
    configure("[[apns]]\n", "[[apns]]\nretry_after_s = [2]\n");
  }
  // The bridge goes on with another text in its configuration, wherever `before` is.
  static void configure(const std::string& before, const std::string& after) {
    bridge_->stop();
    const auto text = text_of(bridge_->config());
    std::string changed;
    std::size_t at = 0;
    for (auto found = text.find(before); found != std::string::npos; found = text.find(before, at)) {
      changed += text.substr(at, found - at) + after;
      at = found + before.size();
    }
    std::ofstream(bridge_->config()) << changed + text.substr(at);
    bridge_->start();
  }
  // An operator has put right what was wrong with the configuration.
  static void mend() {
    providers_->mended();
    bridge_->stop();
    bridge_->start();
  }

  struct Target {
    std::string user;
    std::string token;  // as the double names it
  };
  // A device that has registered with the app, and is offline.
  static Target away_from(PushProvider provider, const std::string& app) {
    static int count = 0;
    const Target fresh{fresh_user("bob"), "token-" + std::to_string(++count)};
    auto device = online(fresh.user);
    auto [registration, token] = registration_for(provider, fresh.token);
    registration["app"] = app;
    EXPECT_LT(device->mqtt().publish(push_says(*device, registration)), 0x80);
    return {fresh.user, token};
  }
  static Target registered_away_from(PushProvider provider, const std::string& app) {
    const int before = bridge_->registered();
    auto target = away_from(provider, app);
    EXPECT_TRUE(eventually([&] { return bridge_->registered() == before + 1; }));
    return target;
  }
  // And what the double calls its token.
  static std::pair<json, std::string> registration_for(PushProvider provider, const std::string& name) {
    if (provider == PushProvider::fcm) return {{{"platform", "fcm"}, {"token", name}}, name};
    if (provider == PushProvider::webpush) {
      const json subscription = providers_->subscribe();
      const std::string endpoint = subscription.at("endpoint");
      return {{{"platform", "webpush"}, {"token", subscription}}, endpoint.substr(endpoint.rfind('/') + 1)};
    }
    std::string hex;
    for (const char c : name) hex += std::to_string(100 + static_cast<unsigned char>(c)).substr(1);
    if (hex.size() % 2 != 0) hex += "0";
    const char* environment = provider == PushProvider::apns ? "production" : "sandbox";
    return {{{"platform", "apns"}, {"token", hex}, {"environment", environment}}, hex};
  }
  // Waits for what `why` will say of the one message of a conversation; each `why` reads all keys of all
  // apps.
  static bool await_decided(const Target& to, const TestDevice& from, const std::string& words) {
    sqlite::Connection database(bridge_->database(), sqlite::Connection::Mode::read_only);
    sqlite::Statement decided(database, "find decisions",
                              "SELECT 1 FROM decisions WHERE user = ?1 AND peer = ?2 AND "
                              "instr(decided || ': ' || why || ' (attempt', ?3) > 0");
    return eventually([&] { return decided.query(to.user, from.user(), words).next(); });
  }
  static bool logs(const std::string& line) {
    return eventually([&] { return bridge_->log().find(line) != std::string::npos; });
  }
  // The id of the message.
  static std::string write_to(const Target& to, TestDevice& from) {
    return from.send(to.user, "hello").id.str();
  }
  static std::set<std::string> ids_of(const std::vector<AcceptedPush>& pushes) {
    std::set<std::string> ids;
    for (const auto& push : pushes) ids.insert(push.id);
    return ids;
  }
  // The id of the push, of what `why` says about an attempt.
  static std::string push_id_in(const std::string& said) {
    std::smatch found;
    return std::regex_search(said, found, std::regex("attempt \\d+ of push ([0-9a-f-]{36})")) ? found[1].str()
                                                                                              : "";
  }
};

// The table's life, row by row side by side.
class PushErrors : public PushErrorsTest {
 protected:
  struct Case {
    PushErrorRow row;
    Target target;
    std::string name;     // for a failure
    std::string message;  // what meets the error
    std::string push_id = {};
  };

  void prepare(const std::vector<PushErrorRow>& rows) {
    const int before = bridge_->registered();
    std::map<PushProvider, std::size_t> used;
    for (const auto& row : rows) {
      ASSERT_LT(used[row.provider], kRowApps);
      const auto app = "row" + std::to_string(used[row.provider]++);
      cases_.push_back({row, away_from(row.provider, app), app + " " + row.does.dump(), ""});
    }
    const int all = before + static_cast<int>(rows.size());
    ASSERT_TRUE(eventually([&] { return bridge_->registered() == all; }));
    registered_ = all;
  }
  void meet_errors() {
    for (const auto& one : cases_) {
      if (one.row.warm) write_to(one.target, *zoe_);
    }
    for (auto& one : cases_) {
      if (one.row.warm) wait_push(one.target.token);
      providers_->plan({one.row.provider, one.row.does, one.target.token, one.row.times});
    }
    for (auto& one : cases_) one.message = write_to(one.target, *alice_);
  }
  void expect_decisions() {
    for (auto& one : cases_) {
      const auto word = word_for(one.row);
      await_decided(one.target, *alice_, word);
      const auto said = bridge_->command({"why", one.message}).out;
      EXPECT_THAT(said, HasSubstr(word)) << one.name;
      one.push_id = push_id_in(said);
      if (one.row.fate == PushFate::again || one.row.fate == PushFate::later) expect_wait(one, said);
    }
  }
  static std::string word_for(const PushErrorRow& row) {
    switch (row.fate) {
      case PushFate::sent:
        return "sent: accepted";
      case PushFate::again:
      case PushFate::later:
        return "retry: " + row.reason + ", again in ";
      case PushFate::dead:
        return "dead: " + row.reason + " (attempt";
      case PushFate::dropped:
        return "dropped: " + row.reason + " (attempt";
      case PushFate::paused:
        return "held: " + row.reason + " (attempt";
    }
    return {};
  }
  static void expect_wait(const Case& one, const std::string& said) {
    std::smatch found;
    ASSERT_TRUE(std::regex_search(said, found, std::regex("again in ([0-9.]+) s"))) << one.name << "\n"
                                                                                    << said;
    const double wait = std::stod(found[1]);
    EXPECT_GE(wait, one.row.from_s) << one.name;
    EXPECT_LE(wait, one.row.to_s) << one.name;
  }
  // The next message, in another conversation.
  void expect_aftermath() {
    std::vector<std::string> next;
    for (const auto& one : cases_) next.push_back(write_to(one.target, *zoe_));
    // The last row's device is not forgotten. Once its message is decided about, all are.
    EXPECT_TRUE(await_decided(cases_.back().target, *zoe_, "wanted"));
    int dropped = 0;
    for (std::size_t n = 0; n < cases_.size(); ++n) {
      const auto& [row, target, name, message, push_id] = cases_[n];
      if (row.fate == PushFate::dead) {
        EXPECT_TRUE(await_decided(target, *zoe_, "sent: accepted")) << name;
        EXPECT_THAT(pushes_to(target.token), SizeIs(row.warm ? 2 : 1)) << name;
      }
      if (row.fate != PushFate::dropped) continue;
      ++dropped;
      EXPECT_THAT(bridge_->command({"why", next[n]}).out, HasSubstr("nothing is known")) << name;
      EXPECT_THAT(pushes_to(target.token), SizeIs(row.warm ? 1 : 0)) << name;
    }
    EXPECT_EQ(bridge_->registered(), registered_ - dropped);
  }
  void expect_second_attempts() {
    for (const auto& one : cases_) {
      if (one.row.fate != PushFate::sent && one.row.fate != PushFate::again) continue;
      EXPECT_TRUE(await_decided(one.target, *alice_, "sent: accepted")) << one.name;
      auto pushes = pushes_to(one.target.token);
      std::erase_if(pushes, [&](const AcceptedPush& push) { return push.id != one.push_id; });
      ASSERT_THAT(pushes, Not(IsEmpty())) << one.name;
      EXPECT_EQ(pushes.back().attempt, 2) << one.name;
      EXPECT_EQ(pushes.size(), one.row.does.value("accept", false) ? 2U : 1U) << one.name;
    }
  }
  // While a channel is paused nothing of it comes, and then all.
  void expect_pauses_end() {
    for (const auto& one : cases_) {
      if (one.row.fate != PushFate::paused) continue;
      EXPECT_THAT(pushes_to(one.target.token), IsEmpty()) << one.name;
    }
    mend();
    for (const auto& one : cases_) {
      if (one.row.fate != PushFate::paused) continue;
      wait_push(one.target.token, 2);
      EXPECT_TRUE(ids_of(pushes_to(one.target.token)).contains(one.push_id)) << one.name;
    }
  }
  void expect_fates(const std::vector<PushErrorRow>& rows) {
    prepare(rows);
    if (HasFatalFailure()) return;
    const auto without_token = registered_away_from(PushProvider::fcm, "grants");
    ++registered_;
    meet_errors();
    expect_decisions();
    // By now each app has its access token. The next grant fails, and is asked for again while all others
    // wait too.
    providers_->plan({PushProvider::oauth, answers_html(503)});
    write_to(without_token, *alice_);
    EXPECT_TRUE(logs("fcm/grants has no credentials yet: HTTP 503"));
    expect_aftermath();
    expect_second_attempts();
    wait_push(without_token.token);
    expect_pauses_end();
  }

  const std::unique_ptr<TestDevice> alice_ = online(fresh_user("alice"));
  const std::unique_ptr<TestDevice> zoe_ = online(fresh_user("zoe"));

 private:
  std::vector<Case> cases_;
  int registered_ = 0;
};

TEST_F(PushErrors, EachHasItsConsequence) {
  auto rows = apns_error_rows();
  for (auto& row : fcm_error_rows()) rows.push_back(std::move(row));
  for (auto& row : webpush_error_rows()) rows.push_back(std::move(row));
  expect_fates(rows);
}

TEST_F(PushErrors, EveryReasonOfApplesHasARow) {
  std::set<std::string> shown;
  for (const auto& row : apns_error_rows()) shown.insert(row.does.value("reason", ""));
  for (const auto reason : known_apns_reasons()) EXPECT_TRUE(shown.contains(std::string(reason))) << reason;
}

// The answer is lost with the connection, or comes with its end. Whatever libcurl does by itself, the device
// gets it, and every copy has the same id.
TEST_F(PushErrors, AConnectionThatEndsLosesNoPush) {
  const std::vector<json> ends{{{"do", "goaway"}, {"reason", "Shutdown"}},
                               {{"do", "goaway"}, {"reason", "TooManyProviderTokenUpdates"}},
                               {{"do", "reset"}},
                               {{"do", "reset"}, {"accept", true}}};
  std::map<PushProvider, Target> targets;
  for (const auto provider : {PushProvider::fcm, PushProvider::apns, PushProvider::webpush}) {
    targets[provider] = registered_away_from(provider, "lost");
    write_to(targets[provider], *alice_);  // from here on there is a connection
    wait_push(targets[provider].token);
  }
  std::size_t pushes = 1;  // of each
  for (const auto& end : ends) {
    const auto writer = online(fresh_user("writer"));
    std::map<PushProvider, std::string> messages;
    for (const auto& [provider, target] : targets) {
      providers_->plan({provider, end, target.token});
      messages[provider] = write_to(target, *writer);
    }
    ++pushes;
    for (const auto& [provider, target] : targets) {
      const auto said = bridge_->why(messages[provider], "sent: accepted");
      EXPECT_THAT(said, HasSubstr("sent: accepted")) << end;
      const auto ids = ids_of(pushes_to(target.token));
      EXPECT_EQ(ids.size(), pushes) << end;
      EXPECT_TRUE(ids.contains(push_id_in(said))) << end;
    }
  }
}

TEST_F(PushErrors, AServiceThatIsNotThereIsTriedUntilItIs) {
  const auto target = registered_away_from(PushProvider::apns_sandbox, "away");
  providers_->take_down(PushProvider::apns_sandbox);
  const auto message = write_to(target, *alice_);
  EXPECT_THAT(bridge_->why(message, "(attempt 2"), HasSubstr("retry: not sent, again in"));
  providers_->bring_up(PushProvider::apns_sandbox);
  EXPECT_EQ(wait_push(target.token).attempt, 1);  // that it saw
}

// Our key, or our clock: nobody's push of that app can be made.
TEST_F(PushErrors, AGrantThatIsRefusedPausesTheChannel) {
  const auto target = registered_away_from(PushProvider::fcm, "refused");
  providers_->plan({PushProvider::oauth, answers(400, "invalid_grant")});
  const auto message = write_to(target, *alice_);
  EXPECT_TRUE(logs("fcm/refused is paused, as something is wrong with its configuration: invalid_grant"));
  EXPECT_THAT(pushes_to(target.token), IsEmpty());
  EXPECT_THAT(bridge_->why(message, "wanted"), Not(HasSubstr("sent")));
  mend();
  wait_push(target.token);
}

TEST_F(PushErrors, WhoIsNotWhomTheBridgeIsToTrustGetsNothing) {
  const auto ca = "ca_file = \"" + providers_->ca_file().string() + "\"\n";
  std::vector<Target> targets;
  for (const auto provider : {PushProvider::fcm, PushProvider::apns, PushProvider::webpush}) {
    targets.push_back(registered_away_from(provider, "untrusted"));
  }
  configure(ca, "");  // the authorities of the system, as in life
  std::vector<std::string> messages;
  messages.reserve(targets.size());
  for (const auto& target : targets) messages.push_back(write_to(target, *alice_));
  EXPECT_THAT(bridge_->why(messages[1], "held: untrusted"), HasSubstr("held: untrusted"));
  EXPECT_THAT(bridge_->why(messages[2], "held: untrusted"), HasSubstr("held: untrusted"));
  EXPECT_TRUE(logs("fcm/untrusted is paused"));  // its request for a token
  for (const auto& target : targets) EXPECT_THAT(pushes_to(target.token), IsEmpty());
  configure("[tls]\n", "[tls]\n" + ca);
  for (const auto& target : targets) wait_push(target.token);
}

// Of a token that is old enough for another. That it was made long ago the bridge is told by its own memory.
TEST_F(PushErrors, AProviderTokenThatHasExpiredIsMadeAnewOnceAndUsedOnAnotherConnection) {
  const auto target = registered_away_from(PushProvider::apns, "expired");
  write_to(target, *zoe_);
  const auto first = wait_push(target.token);
  bridge_->stop();
  {
    sqlite::Connection database(bridge_->database(), sqlite::Connection::Mode::read_write);
    database.execute(
        "age the token",
        "UPDATE secrets SET value = json_set(value, '$.issued_at', json_extract(value, '$.issued_at') - "
        "1500000) WHERE name LIKE 'apns/%/production'");
  }
  bridge_->start();
  providers_->plan({PushProvider::apns, answers(403, "ExpiredProviderToken"), target.token});
  const auto message = write_to(target, *alice_);
  EXPECT_THAT(bridge_->why(message, "sent: accepted"),
              HasSubstr("retry: ExpiredProviderToken, again in 0.0 s"));
  const auto second = wait_push(target.token, 2);
  EXPECT_EQ(second.attempt, 2);
  EXPECT_NE(second.connection, first.connection);
}

// One wrong setting, and a service says it of every token.
TEST_F(PushErrors, WhatIsSaidOfAllTokensIsBelievedOfNone) {
  constexpr int kMessages = 60;
  const auto target = registered_away_from(PushProvider::apns, "many");
  const int registered = bridge_->registered();
  providers_->plan({PushProvider::apns, answers(400, "DeviceTokenNotForTopic"), target.token, 0});
  std::vector<std::string> messages;
  for (int n = 0; n < kMessages; ++n) messages.push_back(write_to(target, *online(fresh_user("writer"))));
  EXPECT_TRUE(logs("apns/many refuses more than a fifth of all tokens (DeviceTokenNotForTopic)"));
  sqlite::Connection database(bridge_->database(), sqlite::Connection::Mode::read_only);
  sqlite::Statement held(database, "find decisions",
                         "SELECT 1 FROM decisions WHERE decided = 'held' AND why = 'DeviceTokenNotForTopic'");
  EXPECT_TRUE(eventually([&] { return held.query().next(); }));
  EXPECT_EQ(bridge_->registered(), registered);
  EXPECT_THAT(pushes_to(target.token), IsEmpty());
  providers_->clear_faults();
  mend();
  wait_push(target.token);
}

}  // namespace
}  // namespace duet
