// The broker ends the connection of our client library.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "protocol/service_payload.h"
#include "tests/fault/library_user.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr auto kShort = 4s;  // the second client of a process needs two seconds to connect

// Two users at once, of MQTT 5 and 3.1.1. The skew is as small as it can be, so that a token need not live
// long to see its end.
class LibraryDisconnects : public OwnPlatformTest {
 protected:
  using Token = std::function<std::string(const std::string& user)>;

  LibraryDisconnects() : OwnPlatformTest(std::string(kUnlimited) + "[tokens]\nclock_skew_s = 1\n") {}

  void start(const Token& token) {
    for (const int version : {4, 5}) {
      const std::string user = "alice" + std::to_string(version);
      users_[user] =
          std::make_unique<LibraryUser>(platform(), user, version, [token, user] { return token(user); });
    }
    EXPECT_TRUE(all([](const LibraryUser& user) { return user.lives() >= 1; }));
  }
  bool all(const std::function<bool(const LibraryUser&)>& condition) {
    return eventually([&] {
      return std::ranges::all_of(users_, [&](const auto& entry) { return condition(*entry.second); });
    });
  }
  std::string token(const std::string& user, std::chrono::seconds ttl = 15min) {
    return platform().tokens().chat(user, ttl);
  }
  Token fresh_tokens(std::chrono::seconds ttl = 15min) {
    return [this, ttl](const std::string& user) { return token(user, ttl); };
  }

  // They were connected so often, and hear what is written now.
  void expect_back(int times) {
    EXPECT_TRUE(all([times](const LibraryUser& user) { return user.lives() >= times; }));
    const auto bob = online("bob");
    for (const auto& [name, user] : users_) bob->send(name, "are you there?");
    EXPECT_TRUE(all([](const LibraryUser& user) { return user.has_received("are you there?"); }));
  }

  std::map<std::string, std::unique_ptr<LibraryUser>> users_;
};

// Each attempt has a token that ends soon, as with a login that is refreshed.
TEST_F(LibraryDisconnects, ComesBackAfterEachEndOfAToken) {
  start(fresh_tokens(kShort));
  expect_back(3);
}

TEST_F(LibraryDisconnects, ComesBackAfterItsLoginWasEndedAndAnotherBegun) {
  start(fresh_tokens());
  TestClient auth(ConnectSpec{.port = platform().mqtt_port(),
                              .client_id = "duet-auth.test",
                              .username = std::nullopt,
                              .password = platform().tokens().service(Role::auth),
                              .will = std::nullopt});
  ASSERT_EQ(auth.connect(), kSuccess);
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  std::vector<Revocation> ended;
  for (const auto& [name, user] : users_) {
    ended.push_back({*UserId::parse(name), std::nullopt, now, now + 15min});
  }
  EXPECT_TRUE(accepted(auth.publish({.topic = "svc/auth/revocations",
                                     .payload = format_revocation_update({false, ended}),
                                     .correlation = {}})));
  expect_back(2);
}

TEST_F(LibraryDisconnects, ComesBackAfterItsClientIdWasTakenOver) {
  start(fresh_tokens());
  for (const auto& [name, user] : users_) {
    TestClient other(ConnectSpec{.port = platform().mqtt_port(),
                                 .client_id = name + ":library",
                                 .username = std::nullopt,
                                 .password = token(name),
                                 .will = std::nullopt});
    ASSERT_EQ(other.connect(), kSuccess);
    EXPECT_TRUE(other.wait_disconnected());
  }
  expect_back(2);
}

TEST_F(LibraryDisconnects, ComesBackAfterTheBrokerShutDown) {
  start(fresh_tokens());
  const pid_t broker = platform().pid(Service::broker);
  platform().kill(Service::broker, SIGTERM);
  platform().await_replaced(Service::broker, broker);
  expect_back(2);
}

TEST_F(LibraryDisconnects, TellsThatAFixedTokenHasEnded) {
  std::map<std::string, std::string> fixed;
  for (const auto* user : {"alice4", "alice5"}) fixed[user] = token(user, kShort);
  start([fixed](const std::string& user) { return fixed.at(user); });
  EXPECT_TRUE(all([](const LibraryUser& user) { return user.refusals() >= 2; }));
  for (const auto& [name, user] : users_) {
    EXPECT_EQ(user->lives(), 1) << name;
    EXPECT_THAT(user->states(), ::testing::Contains(HasSubstr("not authorized"))) << name;
  }
}

}  // namespace
}  // namespace duet
