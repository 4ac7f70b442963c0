// Enhanced Authentication (MQTT 5 4.12): a CONNECT with the token as Authentication Data, and its renewal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/service_payload.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AuthenticateTest : public GateTest {
 protected:
  // alice's phone, accepted with the method.
  Client alice_with_method() {
    EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
    return {context(0), "alice:phone", "alice"};
  }
  ConnectVerdict renew(std::string_view data) { return authenticate(0, "alice:phone", "alice", data); }

  std::string token_for_device(const std::string& device) const {
    auto bound = spec("alice");
    bound.device = DeviceId::parse(device);
    return signing_key().sign(bound);
  }
  // As the auth service says it: what was issued before now is good no more.
  void end_logins_of_alice() {
    const Revocation one{*UserId::parse("alice"), std::nullopt, now_.wall, now_.wall + kTokenLife};
    const auto auth = connected(31, "duet-auth");
    EXPECT_TRUE(publish(auth, "svc/auth/revocations", format_revocation_update({false, {one}})));
  }
  bool receives(const Client& client) { return gate_->may_receive(client, "u/alice/in/bob/msg", 0, now_); }
};

TEST_F(AuthenticateTest, TheTokenMayComeAsAuthenticationData) {
  EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
  EXPECT_EQ(authenticate(1, "alice:tab", "alice", token("alice")), ConnectVerdict::accept);
  EXPECT_EQ(authenticate(2, "duet-store", "", token("store", Role::store)), ConnectVerdict::accept);
}

TEST_F(AuthenticateTest, IsNoWayAroundAnyCheckOfAConnect) {
  options_.devices_per_user = 1;
  start();
  const auto good = token("alice");
  EXPECT_EQ(authenticate(0, "alice:phone", "", ""), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "alice:phone", "", good + "x"), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "bob:phone", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "alice", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "alice:phone", "bob", good), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "alice:phone", "", token_for_device("tab")), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "duet-store", "", good), ConnectVerdict::refuse);
  connected(1, "alice:tab");
  EXPECT_EQ(authenticate(0, "alice:phone", "", good), ConnectVerdict::refuse);
  gate_->disconnected(context(1));
  pass(seconds(1));
  end_logins_of_alice();
  EXPECT_EQ(authenticate(0, "alice:phone", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
}

TEST_F(AuthenticateTest, AnotherMethodIsRefusedWhateverItBrings) {
  for (const char* method : {"", "PLAIN", "SCRAM-SHA-256", "oauth2-jwt", "OAUTH2-JWT "}) {
    EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice"), method), ConnectVerdict::unknown_method)
        << method;
  }
}

TEST_F(AuthenticateTest, AReloadDoesNotMakeItAQuestionAboutAnOldSession) {
  gate_->reload();
  EXPECT_EQ(authenticate(5, "alice:phone", "alice", ""), ConnectVerdict::refuse);
}

TEST_F(AuthenticateTest, AFreshTokenTakesThePlaceOfTheOld) {
  const auto client = alice_with_method();
  pass(kTokenLife - seconds(1));
  EXPECT_EQ(renew(token("alice")), ConnectVerdict::keep);
  pass(kTokenLife + kSkew - milliseconds(1));
  tick();
  EXPECT_THAT(broker_.take_kicked(), IsEmpty());
  EXPECT_TRUE(receives(client));
  pass(milliseconds(1));
  EXPECT_FALSE(receives(client));
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone"));
}

// The session ends when its token does, even if an earlier one would have lasted longer.
TEST_F(AuthenticateTest, AShorterTokenTakesItsPlaceToo) {
  alice_with_method();
  auto shorter = spec("alice");
  shorter.expires_at = now_.wall + seconds(10);
  EXPECT_EQ(renew(signing_key().sign(shorter)), ConnectVerdict::keep);
  pass(seconds(10) + kSkew);
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone"));
}

// In the moment between the end and the kick.
TEST_F(AuthenticateTest, ATokenThatIsOverCanStillBeReplaced) {
  const auto client = alice_with_method();
  pass(kTokenLife + kSkew);
  EXPECT_FALSE(receives(client));
  EXPECT_EQ(renew(token("alice")), ConnectVerdict::keep);
  tick();
  EXPECT_THAT(broker_.take_kicked(), IsEmpty());
  EXPECT_TRUE(receives(client));
}

// Each row alone, on a connection that was in order.
TEST_F(AuthenticateTest, AnythingElseIsTheEndAndProlongsNothing) {
  const auto other_key = SigningKey::generate(SignatureAlgorithm::es256);
  auto expired = spec("alice");
  expired.expires_at = now_.wall - kSkew;
  auto other_issuer = spec("alice");
  other_issuer.issuer = "another";
  const std::vector<std::pair<std::string, std::string>> rows{
      {"nothing", ""},
      {"no token", "a password"},
      {"another user's", token("bob")},
      {"another device's", token_for_device("tab")},
      {"a service's", token("store", Role::store)},
      {"one that is over", signing_key().sign(expired)},
      {"one of an unknown key", other_key.sign(spec("alice"))},
      {"one of another issuer", signing_key().sign(other_issuer)},
      {"one with a wrong signature", token("alice") + "AA"},
  };
  for (const auto& [name, data] : rows) {
    start();
    alice_with_method();
    EXPECT_EQ(renew(data), ConnectVerdict::close) << name;
    pass(kTokenLife + kSkew);  // nobody has closed it: it ends when it would have
    tick();
    EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone")) << name;
    pass(-(kTokenLife + kSkew));
  }
}

TEST_F(AuthenticateTest, WhatIsRefusedIsLoggedWithoutTheToken) {
  alice_with_method();
  broker_.take_log();
  const auto secret = token("bob");
  EXPECT_EQ(renew(secret), ConnectVerdict::close);
  const auto log = broker_.take_log();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_THAT(log[0].second, HasSubstr("alice:phone"));
  EXPECT_THAT(log[0].second, Not(HasSubstr(secret)));
}

TEST_F(AuthenticateTest, ATokenOfAnEndedLoginIsTheEnd) {
  alice_with_method();
  const auto old = token("alice");
  pass(seconds(1));
  end_logins_of_alice();
  EXPECT_EQ(renew(old), ConnectVerdict::close);
}

// What counts for the end of a login is when the present token was issued, not the first.
TEST_F(AuthenticateTest, ARenewedConnectionIsOfItsNewLogin) {
  alice_with_method();
  connected(1, "alice:tab");
  pass(seconds(1));
  EXPECT_EQ(renew(token("alice")), ConnectVerdict::keep);
  end_logins_of_alice();
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:tab"));
  pass(seconds(1));
  end_logins_of_alice();
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone"));
}

TEST_F(AuthenticateTest, AServiceMayRenewToo) {
  EXPECT_EQ(authenticate(0, "duet-store", "", token("store", Role::store)), ConnectVerdict::accept);
  pass(kTokenLife);
  EXPECT_EQ(authenticate(0, "duet-store", "store", token("push", Role::push)), ConnectVerdict::close);
  EXPECT_EQ(authenticate(0, "duet-store", "store", token("store", Role::store)), ConnectVerdict::keep);
  pass(kTokenLife);
  tick();
  EXPECT_THAT(broker_.take_kicked(), IsEmpty());
}

TEST_F(AuthenticateTest, ARenewalKeepsWhatTheSessionIs) {
  const auto client = alice_with_method();
  EXPECT_TRUE(publish(client, "u/alice/d/phone/presence", R"({"state":"online"})"));
  EXPECT_EQ(renew(token("alice")), ConnectVerdict::keep);
  gate_->disconnected(context(0));
  tick();
  EXPECT_THAT(published_on("u/alice/d/phone/presence"), testing::SizeIs(1));  // its `offline`
}

}  // namespace
}  // namespace duet
