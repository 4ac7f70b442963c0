// What follows from each answer of the push services, and from each way to get none: seen by the next request
// that they get, and by what `duet-push why` says. Each row has an app of its own, so a channel of its own.

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <regex>
#include <set>

#include "push_bridge/apns_answer.h"
#include "sqlite/connection.h"
#include "tests/e2e/push_error_platform.h"
#include "tests/e2e/push_error_rows.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// The table's life, row by row side by side.
class PushErrors : public PushErrorPlatform {
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
    ASSERT_TRUE(await_registered(all));
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
    met_at_ms_ = now_ms();
    for (auto& one : cases_) one.message = write_to(one.target, *alice_);
  }
  static std::int64_t now_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  void expect_decisions() {
    std::set<PushFate> shown;
    for (auto& one : cases_) {
      const auto word = word_for(one.row);
      const auto decided = await_decided(one.target, *alice_, word);
      EXPECT_TRUE(decided) << one.name;
      if (!decided) continue;
      one.push_id = decided->push_id;
      if (one.row.fate == PushFate::again || one.row.fate == PushFate::later) expect_wait(one, decided->text);
      if (!shown.insert(one.row.fate).second) continue;
      const auto said = bridge_->command({"why", one.message}).out;
      EXPECT_THAT(said, HasSubstr(word));
      EXPECT_EQ(push_id_in(said), one.push_id);
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
    for (const auto& one : cases_) write_to(one.target, *erin_);
    // The last row's device is not forgotten. Once its message is decided about, all are.
    EXPECT_TRUE(await_decided(cases_.back().target, *erin_, "wanted"));
    int dropped = 0;
    for (const auto& [row, target, name, message, push_id] : cases_) {
      if (row.fate == PushFate::dead) {
        EXPECT_TRUE(await_decided(target, *erin_, "sent: accepted")) << name;
        EXPECT_THAT(pushes_to(target.token), SizeIs(row.warm ? 2 : 1)) << name;
      }
      if (row.fate != PushFate::dropped) continue;
      ++dropped;
      EXPECT_TRUE(is_undecided(target, *erin_)) << name;
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
  // While a channel is paused nothing of it comes for a minute, however slow the machine is, and then all.
  void expect_pauses_end() {
    for (const auto& one : cases_) {
      if (one.row.fate != PushFate::paused) continue;
      auto pushes = pushes_to(one.target.token);
      std::erase_if(pushes, [&](const AcceptedPush& push) { return push.at_ms >= met_at_ms_ + 60'000; });
      EXPECT_THAT(pushes, IsEmpty()) << one.name;
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
  const std::unique_ptr<TestDevice> erin_ = online(fresh_user("erin"));

 private:
  std::vector<Case> cases_;
  int registered_ = 0;
  std::int64_t met_at_ms_ = 0;  // no error was met before
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
    for (const auto& [provider, target] : targets) {
      providers_->plan({provider, end, target.token});
      write_to(target, *writer);
    }
    ++pushes;
    for (const auto& [provider, target] : targets) {
      const auto decided = await_decided(target, *writer, "sent: accepted");
      ASSERT_TRUE(decided) << end;
      const auto ids = ids_of(pushes_to(target.token));
      EXPECT_EQ(ids.size(), pushes) << end;
      EXPECT_TRUE(ids.contains(decided->push_id)) << end;
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
