// What a client of the service sees: accounts, access tokens, throttling.
#include <gtest/gtest.h>

#include "tests/unit/auth_service/service_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
class Service : public ServiceTest {};

TEST_F(Service, SignUpThenLogInGivesATokenThatTheKeySetVerifies) {
  const auto client = start();
  const auto made = client.sign_up("alice", kPassword);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("username"), "alice");

  const auto answer = client.log_in("alice", kPassword, "phone");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("token_type"), "Bearer");
  EXPECT_EQ(answer.json().at("expires_in"), 900);
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  const auto claims = verify(client, answer.text("access_token"));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->role, Role::chat);
  EXPECT_EQ(claims->subject, "alice");
  EXPECT_EQ(claims->device, DeviceId::parse("phone"));
  EXPECT_EQ(claims->expires_at, now() + 900s);
}

TEST_F(Service, ATokenWithoutADeviceIsForAny) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto claims = verify(client, client.log_in("alice", kPassword).text("access_token"));
  ASSERT_TRUE(claims);
  EXPECT_FALSE(claims->device);
}

TEST_F(Service, ANameIsGivenOnce) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto again = client.sign_up("alice", "another password");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.text("type"), "urn:duet:problem:username_taken");
  EXPECT_EQ(again.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(client.log_in("alice", "another password").status, 400);
  EXPECT_EQ(client.sign_up("Alice", kPassword).status, 201);   // case matters
  EXPECT_EQ(client.sign_up("helper", kPassword).status, 409);  // a bot's
}

TEST_F(Service, SignUpRefusesWhatIsNoNameOrPassword) {
  const auto client = start();
  const std::string longest(1024, 'p');
  EXPECT_EQ(client.sign_up("al/ice", kPassword).text("type"), "urn:duet:problem:username_unusable");
  EXPECT_EQ(client.sign_up("", kPassword).status, 422);
  EXPECT_EQ(client.sign_up("alice", "1234567").text("type"), "urn:duet:problem:password_unusable");
  EXPECT_EQ(client.sign_up("alice", longest + "p").status, 422);
  EXPECT_EQ(computations(), 0U);
  EXPECT_EQ(client.sign_up("alice", "12345678").status, 201);
  EXPECT_EQ(client.sign_up("bob", longest).status, 201);
  EXPECT_EQ(client.log_in("bob", longest).status, 200);
}

TEST_F(Service, NobodyLearnsWhetherThereIsAnAccount) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  client.sign_up("gone", kPassword);
  const auto token = client.log_in("gone", kPassword).text("access_token");
  EXPECT_EQ(client.json("DELETE", "/v1/accounts/me", {{"password", kPassword}}, token).status, 204);

  const auto wrong = client.log_in("alice", "not her password");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.text("error"), "invalid_grant");
  for (const char* name : {"alice", "nobody", "gone", "helper", "no/name"}) {
    const auto before = computations();
    const auto answer = client.log_in(name, "not her password");
    EXPECT_EQ(computations() - before, 1U) << name;
    EXPECT_EQ(answer.status, wrong.status) << name;
    EXPECT_EQ(answer.body, wrong.body) << name;
  }
}

TEST_F(Service, WrongPasswordsAreThrottledWhetherTheNameExistsOrNot) {
  config_.limits.account = {1.0 / 60, 3};
  const auto client = start();
  client.sign_up("alice", kPassword);
  for (const char* name : {"alice", "nobody"}) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.log_in(name, "not the password").status, 400);
    const auto before = computations();
    const auto refused = client.log_in(name, "not the password");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.header("Retry-After"), "60");
    EXPECT_EQ(computations(), before);
  }
  EXPECT_EQ(client.log_in("alice", kPassword).status, 429);
  pass(60s);
  EXPECT_EQ(client.log_in("alice", kPassword).status, 200);
}

TEST_F(Service, AnAddressIsThrottledOverAllNames) {
  config_.limits.address = {1.0, 3};
  auto client = start();
  auto elsewhere = client;
  client.with("X-Forwarded-For", "192.0.2.1");
  elsewhere.with("X-Forwarded-For", "192.0.2.2");
  EXPECT_EQ(client.sign_up("alice", kPassword).status, 201);
  EXPECT_EQ(client.log_in("a", "not the password").status, 400);
  EXPECT_EQ(client.log_in("b", "not the password").status, 400);
  EXPECT_EQ(client.log_in("c", "not the password").status, 429);
  EXPECT_EQ(client.sign_up("bob", kPassword).status, 429);
  EXPECT_EQ(elsewhere.log_in("alice", kPassword).status, 200);
}

TEST_F(Service, ForwardedAddressesCountFromATrustedProxyOnly) {
  config_.limits.address = {1.0, 1};
  config_.http.trusted_proxies = {};
  auto client = start();
  auto elsewhere = client;
  EXPECT_EQ(client.with("X-Forwarded-For", "192.0.2.1").log_in("a", "not the password").status, 400);
  EXPECT_EQ(elsewhere.with("X-Forwarded-For", "192.0.2.2").log_in("a", "not the password").status, 429);
}

TEST_F(Service, APasswordHashedAtAnotherCostIsHashedAnewOnce) {
  {
    const auto client = start();
    client.sign_up("alice", kPassword);
  }
  config_.argon2.iterations = 2;
  const auto client = start();
  EXPECT_EQ(client.log_in("alice", kPassword).status, 200);
  EXPECT_EQ(computations(), 2U);
  EXPECT_EQ(client.log_in("alice", kPassword).status, 200);
  EXPECT_EQ(computations(), 3U);
}

TEST_F(Service, ABotGetsATokenForItsUserWithItsSecret) {
  const auto client = start();
  const Fields grant{{"grant_type", "client_credentials"}};
  auto basic = client;
  basic.with("Authorization", "Basic cm9ib3Q6YStzZWNyZXQrb2YrdGhlK2JvdCUyQytsb25nK2Vub3VnaA==");
  const auto in_body = client.form("/oauth/token", {{"grant_type", "client_credentials"},
                                                    {"client_id", "robot"},
                                                    {"client_secret", kBotSecret},
                                                    {"scope", "chat"},
                                                    {"device", "server"}});
  for (const auto& answer : {basic.form("/oauth/token", grant), in_body}) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.json().count("refresh_token"), 0U);
    const auto claims = verify(client, answer.text("access_token"));
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->subject, "helper");
    EXPECT_EQ(claims->role, Role::chat);
  }
}

TEST_F(Service, RefusesToStartWhenAnAccountHasABotsName) {
  start().sign_up("alice", kPassword);
  stop();  // it reads the configuration while it runs
  config_.clients[2].bot->user = *UserId::parse("alice");
  EXPECT_THROW(start(), std::runtime_error);
}

}  // namespace
}  // namespace duet
