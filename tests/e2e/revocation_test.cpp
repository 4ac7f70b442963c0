// The end of a login: live connections close, the old token opens none, and nothing is lost by it.

#include <gmock/gmock.h>

#include "protocol/service_payload.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using std::chrono::milliseconds;

class Revocations : public SharedPlatformTest<Revocations>,
                    public ::testing::WithParamInterface<MqttVersion> {
 protected:
  Revocations()
      : auth_(ConnectSpec{.port = platform().mqtt_port(),
                          .client_id = "duet-auth.test",
                          .username = std::nullopt,
                          .password = platform().tokens().service(Role::auth),
                          .will = std::nullopt}) {
    EXPECT_EQ(auth_.connect(), kSuccess);
  }

  // As the auth service does: whatever was issued until now.
  void end_logins(const std::string& user, const std::optional<std::string>& device) {
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    const Revocation one{*UserId::parse(user), device ? DeviceId::parse(*device) : std::nullopt, now,
                         now + std::chrono::minutes(15)};
    const int reason = auth_.publish({.topic = "svc/auth/revocations",
                                      .payload = format_revocation_update({false, {one}}),
                                      .correlation = {}});
    EXPECT_TRUE(accepted(reason)) << reason;
  }

  // A token issued then, in whole seconds as every token.
  static std::string token_of(const std::string& user, std::chrono::seconds from_now) {
    auto claims = platform().tokens().claims(user);
    claims["iat"] = claims.at("iat").get<std::int64_t>() + from_now.count();
    return platform().tokens().sign(claims);
  }

  // MQTT 5 clients are told that it was no accident, so that they do not simply try again.
  static void expect_out(TestDevice& device) {
    EXPECT_TRUE(device.mqtt().wait_disconnected());
    const bool tells = GetParam() == MqttVersion::v5;
    EXPECT_EQ(device.mqtt().end_reason(), tells ? std::optional(kAdministrativeAction) : std::nullopt);
    EXPECT_NE(device.connect(), kSuccess);  // with the same token
  }

  std::unique_ptr<TestDevice> logged_in(const std::string& user, const std::string& device,
                                        std::chrono::seconds from_now) {
    auto made = std::make_unique<TestDevice>(platform(), user, device, GetParam());
    made->spec().password = token_of(user, from_now);
    made->go_online();
    return made;
  }

  TestClient auth_;
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

constexpr std::chrono::seconds kBefore{-5};
constexpr std::chrono::seconds kAfter{1};  // tokens count in seconds

TEST_P(Revocations, OneDeviceIsOutAndTheOthersStay) {
  const auto phone = logged_in(alice_, "phone", kBefore);
  const auto laptop = logged_in(alice_, "laptop", kBefore);
  const auto bob = online(bob_);
  end_logins(alice_, "phone");
  expect_out(*phone);
  bob->send(alice_, "still there?");
  EXPECT_TRUE(eventually([&] { return laptop->live(bob_, InKind::message).size() == 1; }));
  EXPECT_TRUE(laptop->mqtt().connected());

  // With a new login it has missed nothing.
  phone->spec().password = token_of(alice_, kAfter);
  phone->go_online();
  EXPECT_EQ(phone->history(bob_).size(), 1U);
  EXPECT_TRUE(phone->mqtt().connected());
}

TEST_P(Revocations, EveryLoginOfAUserEnds) {
  const auto phone = logged_in(alice_, "phone", kBefore);
  const auto laptop = logged_in(alice_, "laptop", kBefore);
  const auto bob = logged_in(bob_, "phone", kBefore);
  end_logins(alice_, std::nullopt);
  expect_out(*phone);
  expect_out(*laptop);
  bob->send(alice_, "anybody?");
  EXPECT_TRUE(bob->mqtt().connected());
}

// The session waits for the next login, and what came meanwhile waits in it.
TEST_P(Revocations, APersistentSessionLosesNothing) {
  TestDevice phone(platform(), alice_, "phone", GetParam());
  phone.spec().clean = false;
  if (GetParam() == MqttVersion::v5) phone.spec().session_expiry_s = 3600;
  phone.spec().password = token_of(alice_, kBefore);
  phone.go_online();
  const auto bob = online(bob_);
  const std::string before = bob->send(alice_, "before").id.str();
  phone.wait_message(bob_, before);
  end_logins(alice_, std::nullopt);
  expect_out(phone);
  const std::string meanwhile = bob->send(alice_, "meanwhile").id.str();
  phone.spec().password = token_of(alice_, kAfter);
  ASSERT_EQ(phone.connect(), kSuccess);  // subscribes to nothing: the session has it all
  EXPECT_EQ(phone.wait_message(bob_, meanwhile).body, "meanwhile");
  const std::string after = bob->send(alice_, "after").id.str();
  phone.wait_message(bob_, after);
  EXPECT_EQ(phone.history(bob_).size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Each, Revocations, ::testing::Values(MqttVersion::v3_1_1, MqttVersion::v5),
                         [](const auto& version) {
                           return std::string(version.param == MqttVersion::v5 ? "v5" : "v3_1_1");
                         });

}  // namespace
}  // namespace duet
