// What a client of the service sees: refresh tokens and the end of logins.
#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <sstream>
#include <thread>

#include "tests/unit/auth_service/service_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const UserId kAlice = *UserId::parse("alice");
const DeviceId kPhone = *DeviceId::parse("phone");

class Sessions : public ServiceTest {};

TEST_F(Sessions, RefreshRotatesAndKeepsTheDevice) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto first = client.log_in("alice", kPassword, "phone").text("refresh_token");
  const auto answer = client.refresh(first);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.text("refresh_token"), first);
  const auto claims = verify(client, answer.text("access_token"));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->device, kPhone);
  EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(Sessions, ALostAnswerIsRepeatedWithTheSameSuccessor) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto first = client.log_in("alice", kPassword).text("refresh_token");
  const auto second = client.refresh(first).text("refresh_token");
  pass(29 * 24h);
  EXPECT_EQ(client.refresh(first).text("refresh_token"), second);
  pass(29 * 24h);  // the repeat has given the successor the whole of its time
  EXPECT_EQ(client.refresh(first).text("refresh_token"), second);
  EXPECT_EQ(client.refresh(second).status, 200);
  EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(Sessions, AnAnswerThatIsLostAgainAndAgainEndsNoLogin) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  auto token = client.log_in("alice", kPassword).text("refresh_token");
  for (int generation = 0; generation < 5; ++generation) {
    const auto lost = client.refresh(token).text("refresh_token");
    for (int attempt = 0; attempt < 3; ++attempt) {
      pass(10min);
      EXPECT_EQ(client.refresh(token).text("refresh_token"), lost);
    }
    token = lost;
  }
  EXPECT_THAT(sink_.take(), IsEmpty());
}

// They have one refresh token and refresh at the same moment, and one of them late.
TEST_F(Sessions, TwoTabsWithOneTokenStayLoggedIn) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  auto token = client.log_in("alice", kPassword).text("refresh_token");
  for (int generation = 0; generation < 5; ++generation) {
    std::array<std::string, 3> got;
    {
      std::jthread one([&] { got[0] = client.refresh(token).text("refresh_token"); });
      std::jthread other([&] { got[1] = client.refresh(token).text("refresh_token"); });
    }
    pass(10min);
    got[2] = client.refresh(token).text("refresh_token");
    EXPECT_THAT(got, testing::Each(got[0]));
    EXPECT_NE(got[0], token);
    token = got[0];
  }
  EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(Sessions, ALostAnswerIsRepeatedAfterARestartAndAcrossClockSteps) {
  std::string first;
  std::string second;
  {
    const auto client = start();
    client.sign_up("alice", kPassword);
    first = client.log_in("alice", kPassword).text("refresh_token");
    second = client.refresh(first).text("refresh_token");
  }
  const auto client = start();
  for (const auto step : {2h, -4h, 2h}) {
    pass(step);
    EXPECT_EQ(client.refresh(first).text("refresh_token"), second);
  }
  EXPECT_EQ(client.refresh(second).status, 200);
  EXPECT_EQ(client.refresh(first).text("error"), "invalid_grant");  // its successor was used
}

TEST_F(Sessions, ALateRepeatIsInTheAuditLog) {
  std::ostringstream log;
  auto& sinks = spdlog::default_logger()->sinks();
  sinks.push_back(std::make_shared<spdlog::sinks::ostream_sink_mt>(log));
  {
    const auto client = start();
    client.sign_up("alice", kPassword);
    const auto first = client.log_in("alice", kPassword).text("refresh_token");
    client.refresh(first);
    pass(30s);
    client.refresh(first);
    stop();
    EXPECT_THAT(log.str(), Not(HasSubstr("refresh_repeated")));
    const auto again = start();
    pass(1ms);
    again.refresh(first);
    stop();
  }
  sinks.pop_back();
  EXPECT_THAT(log.str(), HasSubstr("audit refresh_repeated user=alice address=127.0.0.1 client=app"));
}

TEST_F(Sessions, AReusedRefreshTokenEndsItsFamilyAndNoOther) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto other = client.log_in("alice", kPassword, "web").text("refresh_token");
  const auto first = client.log_in("alice", kPassword, "phone").text("refresh_token");
  const auto second = client.refresh(first).text("refresh_token");
  const auto third = client.refresh(second).text("refresh_token");
  const auto reused = client.refresh(first);
  EXPECT_EQ(reused.status, 400);
  EXPECT_EQ(reused.text("error"), "invalid_grant");
  EXPECT_THAT(sink_.take(), ElementsAre(Revocation{kAlice, kPhone, now() + 1s, now() + 1s + 931s}));
  EXPECT_EQ(client.refresh(second).text("error"), "invalid_grant");
  EXPECT_EQ(client.refresh(third).text("error"), "invalid_grant");
  EXPECT_EQ(client.refresh(other).status, 200);
}

TEST_F(Sessions, RevokeEndsTheFamily) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto token = client.log_in("alice", kPassword, "phone").text("refresh_token");
  EXPECT_EQ(client.form("/oauth/revoke", {{"client_id", "other"}, {"token", token}}).text("error"),
            "invalid_grant");
  const auto answer = client.form("/oauth/revoke", {{"client_id", "app"}, {"token", token}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(sink_.take(), ElementsAre(Revocation{kAlice, kPhone, now() + 1s, now() + 1s + 931s}));
  EXPECT_EQ(client.refresh(token).text("error"), "invalid_grant");
  for (const auto& unknown : {token, std::string("nonsense"), std::string(64, 'A')}) {
    EXPECT_EQ(client.form("/oauth/revoke", {{"client_id", "app"}, {"token", unknown}}).status, 200);
  }
  EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(Sessions, LogoutOfADeviceLeavesTheOthers) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto phone = client.log_in("alice", kPassword, "phone");
  const auto web = client.log_in("alice", kPassword, "web");
  const auto access = web.text("access_token");
  EXPECT_EQ(client.json("POST", "/v1/logout", {{"device", "phone"}}, access).status, 204);
  EXPECT_THAT(sink_.take(), ElementsAre(Revocation{kAlice, kPhone, now() + 1s, now() + 1s + 931s}));
  EXPECT_EQ(client.refresh(phone.text("refresh_token")).status, 400);
  EXPECT_EQ(client.refresh(web.text("refresh_token")).status, 200);
  // The phone's access token has not expired, and is not good here either.
  const auto refused = client.json("POST", "/v1/logout", {{"everything", true}}, phone.text("access_token"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.header("WWW-Authenticate"), HasSubstr(R"(error="invalid_token")"));
}

// It may be the phone that has the login without a device.
TEST_F(Sessions, LogoutOfADeviceEndsTheLoginsWithoutADevice) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto unbound = client.log_in("alice", kPassword);
  const auto web = client.log_in("alice", kPassword, "web");
  const auto logout = [&](const std::string& access) {
    return client.json("POST", "/v1/logout", {{"device", "phone"}}, access).status;
  };
  EXPECT_EQ(logout(web.text("access_token")), 204);
  EXPECT_THAT(sink_.take(), ElementsAre(Revocation{kAlice, std::nullopt, now() + 1s, now() + 1s + 931s}));
  EXPECT_EQ(client.refresh(unbound.text("refresh_token")).status, 400);
  EXPECT_EQ(logout(unbound.text("access_token")), 401);
  const auto again = client.refresh(web.text("refresh_token"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(logout(again.text("access_token")), 204);
}

TEST_F(Sessions, ALogoutWhileTheClockWasAheadLocksNobodyOut) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  pass(24h);
  const auto access = client.log_in("alice", kPassword).text("access_token");
  EXPECT_EQ(client.json("POST", "/v1/logout", {{"everything", true}}, access).status, 204);
  pass(-24h);
  const auto again = client.log_in("alice", kPassword).text("access_token");
  EXPECT_TRUE(verify(client, again));
  EXPECT_EQ(client.json("POST", "/v1/logout", {{"device", "tv"}}, again).status, 204);
}

TEST_F(Sessions, LogoutOfEverythingEndsEveryLoginAndALoginRightAfterItCounts) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto login = client.log_in("alice", kPassword, "phone");
  EXPECT_EQ(client.json("POST", "/v1/logout", {{"everything", true}}, login.text("access_token")).status,
            204);
  const auto told = sink_.take();
  ASSERT_THAT(told, ElementsAre(Revocation{kAlice, std::nullopt, now() + 1s, now() + 1s + 931s}));
  EXPECT_EQ(client.refresh(login.text("refresh_token")).status, 400);

  const auto again = client.log_in("alice", kPassword, "phone");  // in the same second
  const auto claims = verify(client, again.text("access_token"));
  ASSERT_TRUE(claims);
  EXPECT_GE(claims->issued_at, told[0].before);
  EXPECT_EQ(client.json("POST", "/v1/logout", {{"device", "tv"}}, again.text("access_token")).status, 204);
}

TEST_F(Sessions, AChangedPasswordEndsEveryLogin) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto login = client.log_in("alice", kPassword);
  const auto access = login.text("access_token");
  const auto change = [&](const char* from, const char* to) {
    return client.json("PUT", "/v1/accounts/me/password", {{"old_password", from}, {"new_password", to}},
                       access);
  };
  EXPECT_EQ(change("not her password", "the new one").text("type"), "urn:duet:problem:wrong_password");
  EXPECT_EQ(change(kPassword, "short").status, 422);
  EXPECT_EQ(change(kPassword, "the new one").status, 204);
  EXPECT_THAT(sink_.take(), ElementsAre(Revocation{kAlice, std::nullopt, now() + 1s, now() + 1s + 931s}));
  EXPECT_EQ(client.refresh(login.text("refresh_token")).status, 400);
  EXPECT_EQ(client.log_in("alice", kPassword).status, 400);
  EXPECT_EQ(client.log_in("alice", "the new one").status, 200);
  EXPECT_EQ(change("the new one", "yet another").status, 401);  // that token is revoked
}

TEST_F(Sessions, ARemovedAccountIsGoneAndItsNameStaysTaken) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  const auto login = client.log_in("alice", kPassword);
  const auto remove = [&](const char* password) {
    return client.json("DELETE", "/v1/accounts/me", {{"password", password}}, login.text("access_token"));
  };
  EXPECT_EQ(remove("not her password").status, 403);
  EXPECT_EQ(remove(kPassword).status, 204);
  EXPECT_EQ(sink_.take().size(), 1U);
  EXPECT_EQ(client.log_in("alice", kPassword).status, 400);
  EXPECT_EQ(client.refresh(login.text("refresh_token")).status, 400);
  EXPECT_EQ(client.sign_up("alice", kPassword).status, 409);
}

TEST_F(Sessions, RestartKeepsAccountsAndLogins) {
  std::string token;
  {
    const auto client = start();
    client.sign_up("alice", kPassword);
    client.sign_up("bob", kPassword);
    token = client.log_in("bob", kPassword).text("refresh_token");
  }
  const auto client = start();
  EXPECT_EQ(client.log_in("alice", kPassword).status, 200);
  EXPECT_EQ(client.refresh(token).status, 200);
}

}  // namespace
}  // namespace duet
