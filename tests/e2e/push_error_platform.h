// tests/e2e/push_error_platform.h: a platform whose bridge has many apps, and devices that are away from
// them.
#pragma once

#include <fstream>
#include <optional>
#include <regex>
#include <set>

#include "sqlite/connection.h"
#include "tests/support/push_platform_test.h"

namespace duet {

inline constexpr std::size_t kRowApps = 50;  // as many as a service has rows, or more

class PushErrorPlatform : public PushPlatformTest<PushErrorPlatform> {
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
  // Devices, all together. `duet-push check` would read the keys of all apps each time.
  static bool await_registered(int count) {
    sqlite::Connection database(bridge_->database(), sqlite::Connection::Mode::read_only);
    sqlite::Statement registered(database, "count devices", "SELECT count(*) FROM registrations");
    return eventually([&] {
      auto row = registered.query();
      return row.next() && row.integer(0) == count;
    });
  }
  static Target registered_away_from(PushProvider provider, const std::string& app) {
    const int before = bridge_->registered();
    auto target = away_from(provider, app);
    EXPECT_TRUE(await_registered(before + 1));
    return target;
  }
  // And what the double calls its token.
  static std::pair<nlohmann::json, std::string> registration_for(PushProvider provider,
                                                                 const std::string& name) {
    if (provider == PushProvider::fcm) return {{{"platform", "fcm"}, {"token", name}}, name};
    if (provider == PushProvider::webpush) {
      const nlohmann::json subscription = providers_->subscribe();
      const std::string endpoint = subscription.at("endpoint");
      return {{{"platform", "webpush"}, {"token", subscription}}, endpoint.substr(endpoint.rfind('/') + 1)};
    }
    std::string hex;
    for (const char c : name) hex += std::to_string(100 + static_cast<unsigned char>(c)).substr(1);
    if (hex.size() % 2 != 0) hex += "0";
    const char* environment = provider == PushProvider::apns ? "production" : "sandbox";
    return {{{"platform", "apns"}, {"token", hex}, {"environment", environment}}, hex};
  }
  struct Decided {
    std::string text;  // as `why` says it
    std::string push_id;
  };
  // What was decided about the one message of a conversation, once it is that. Each `why` reads the keys of
  // all apps, so that the database is asked, but for one of each kind.
  static std::optional<Decided> await_decided(const Target& to, const TestDevice& from,
                                              const std::string& words) {
    sqlite::Connection database(bridge_->database(), sqlite::Connection::Mode::read_only);
    sqlite::Statement find(
        database, "find decisions",
        "SELECT decided || ': ' || why, push_id FROM decisions WHERE user = ?1 AND peer = ?2 AND "
        "instr(decided || ': ' || why || ' (attempt', ?3) > 0");
    std::optional<Decided> found;
    eventually([&] {
      auto row = find.query(to.user, from.user(), words);
      if (row.next()) found = Decided{std::string(row.text(0)), std::string(row.text(1))};
      return found.has_value();
    });
    return found;
  }
  static bool is_undecided(const Target& to, const TestDevice& from) {
    sqlite::Connection database(bridge_->database(), sqlite::Connection::Mode::read_only);
    sqlite::Statement find(database, "find decisions",
                           "SELECT 1 FROM decisions WHERE user = ?1 AND peer = ?2");
    return !find.query(to.user, from.user()).next();
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

}  // namespace duet
