// Whoever guesses passwords and secrets is slowed down, and locks nobody else out.
#include <gmock/gmock.h>

#include "tests/unit/auth_service/service_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;

class Guessing : public ServiceTest {
 protected:
  Guessing() { config_.limits.account = {1.0 / 60, 3}; }

  static AuthClient at(AuthClient client, const std::string& address) {
    return client.with("X-Forwarded-For", address);
  }
  // How many of the attempts were checked; the others were throttled.
  static int guess(const AuthClient& client, const std::string& user, int attempts) {
    int checked = 0;
    for (int i = 0; i < attempts; ++i) checked += client.log_in(user, "not the password").status == 400;
    return checked;
  }
  static int change_password(const AuthClient& client, const std::string& access) {
    return client
        .json("PUT", "/v1/accounts/me/password", {{"old_password", kPassword}, {"new_password", kPassword}},
              access)
        .status;
  }
};

TEST_F(Guessing, FromOneAddressLocksTheOwnerOutNowhereElse) {
  const auto client = start();
  const auto thief = at(client, "192.0.2.1");
  const auto owner = at(client, "192.0.2.2");
  owner.sign_up("alice", kPassword);
  EXPECT_EQ(guess(thief, "alice", 5), 3);
  EXPECT_EQ(thief.log_in("alice", kPassword).status, 429);
  EXPECT_EQ(owner.log_in("alice", kPassword).status, 200);
}

TEST_F(Guessing, DoesNotKeepTheOwnerFromChangingThePassword) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto access = client.log_in("alice", kPassword).text("access_token");
  guess(client, "alice", 5);
  guess(client, "owner:alice", 5);
  EXPECT_EQ(change_password(client, access), 204);
}

TEST_F(Guessing, WithAStolenAccessTokenIsThrottledToo) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto access = client.log_in("alice", kPassword).text("access_token");
  const auto remove = [&] {
    return client.json("DELETE", "/v1/accounts/me", {{"password", "not her password"}}, access).status;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(remove(), 403);
  EXPECT_EQ(remove(), 429);
}

// From so many addresses that each keeps below its own limit.
TEST_F(Guessing, FromManyAddressesIsSlowedDownForTheName) {
  config_.limits.account_failures = {1.0, 6};
  const auto client = start();
  const auto home = at(client, "192.0.2.1");
  home.sign_up("alice", kPassword);
  const auto login = home.log_in("alice", kPassword);
  const auto moved = at(client, "192.0.2.2");
  EXPECT_EQ(moved.refresh(login.text("refresh_token")).status, 200);
  int checked = 0;
  for (int i = 0; i < 5; ++i) checked += guess(at(client, "198.51.100." + std::to_string(i)), "alice", 2);
  EXPECT_EQ(checked, 6);

  EXPECT_EQ(at(client, "203.0.113.1").log_in("alice", kPassword).status, 429);  // is it the owner?
  EXPECT_EQ(home.log_in("alice", kPassword).status, 200);                       // seen before
  EXPECT_EQ(moved.log_in("alice", kPassword).status, 200);
  EXPECT_EQ(change_password(at(client, "203.0.113.1"), login.text("access_token")), 204);
  pass(1s);
  EXPECT_EQ(at(client, "203.0.113.1").log_in("alice", kPassword).status, 200);
}

TEST_F(Guessing, RightPasswordsDoNotCountAgainstTheName) {
  config_.limits.account_failures = {1.0 / 60, 2};
  const auto client = start();
  client.sign_up("alice", kPassword);
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
    EXPECT_EQ(at(client, address).log_in("alice", kPassword).status, 200);
  }
}

class GuessingSecrets : public Guessing {
 protected:
  static Fields bot(const char* secret) {
    return {{"client_id", "robot"}, {"client_secret", secret}, {"grant_type", "client_credentials"}};
  }
};

TEST_F(GuessingSecrets, LocksTheBotOutNowhereElse) {
  const auto client = start();
  const auto thief = at(client, "192.0.2.1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(thief.form("/oauth/token", bot("guess")).status, 401);
  EXPECT_EQ(thief.form("/oauth/token", bot("guess")).status, 429);
  EXPECT_EQ(client.form("/oauth/token", bot(kBotSecret)).status, 200);
}

TEST_F(GuessingSecrets, AUserNameThatLooksLikeAClientIsNone) {
  const auto client = start();
  guess(client, "client:robot", 5);
  EXPECT_EQ(client.form("/oauth/token", bot(kBotSecret)).status, 200);
}

// RFC 6749 2.3.1: an app may send its empty secret.
TEST_F(GuessingSecrets, AnAppHasNone) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  auto token = client.log_in("alice", kPassword).text("refresh_token");
  auto wrong = client;
  wrong.with("Authorization", "Basic YXBwOng=");  // app:x
  auto honest = client;
  honest.with("Authorization", "Basic YXBwOg==");  // app:
  for (int i = 0; i < 5; ++i) EXPECT_NE(wrong.refresh(token).status, 200);
  for (int i = 0; i < 5; ++i) {
    const auto answer = honest.refresh(token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    token = answer.text("refresh_token");
  }
}

}  // namespace
}  // namespace duet
