#include "acl/revocation_list.h"

#include <gtest/gtest.h>

#include <string>

namespace duet {
namespace {

constexpr Timestamp at(int seconds) {
  return Timestamp(std::chrono::seconds(seconds));
}

Device device(const std::string& name) {
  return {*UserId::parse("alice"), *DeviceId::parse(name)};
}

Revocation all_of_alice(int before, int until) {
  return {device("phone").user, std::nullopt, at(before), at(until)};
}

TEST(RevocationList, EndsWhatWasIssuedBefore) {
  RevocationList list;
  list.apply({false, {all_of_alice(100, 1000)}}, at(100));
  EXPECT_TRUE(list.revokes(device("phone"), at(99)));
  EXPECT_FALSE(list.revokes(device("phone"), at(100)));
  EXPECT_FALSE(list.revokes({*UserId::parse("bob"), *DeviceId::parse("phone")}, at(99)));
}

TEST(RevocationList, EndsOneDeviceAlone) {
  RevocationList list;
  list.apply({false, {{device("phone").user, device("phone").device, at(100), at(1000)}}}, at(100));
  EXPECT_TRUE(list.revokes(device("phone"), at(99)));
  EXPECT_FALSE(list.revokes(device("laptop"), at(99)));
}

// The same revocation may be told again, and an older one after a newer.
TEST(RevocationList, TheLatestCounts) {
  RevocationList list;
  list.apply({false, {all_of_alice(200, 2000), all_of_alice(100, 1000), all_of_alice(200, 2000)}}, at(100));
  EXPECT_EQ(list.size(), 1U);
  EXPECT_TRUE(list.revokes(device("phone"), at(199)));
}

TEST(RevocationList, ResetForgets) {
  RevocationList list;
  list.apply({false, {all_of_alice(100, 1000)}}, at(100));
  list.apply({true, {}}, at(100));
  EXPECT_EQ(list.size(), 0U);
  EXPECT_FALSE(list.revokes(device("phone"), at(99)));
}

TEST(RevocationList, TakesNothingThatIsOver) {
  RevocationList list;
  list.apply({false, {all_of_alice(100, 1000)}}, at(1000));
  EXPECT_EQ(list.size(), 0U);
}

// Many logins end, hour after hour: those that are over make room.
TEST(RevocationList, IsNoLongerThanWhatALifeOfTokensRevokes) {
  constexpr int kLife = 900;
  RevocationList list;
  for (int second = 0; second < 20 * kLife; ++second) {
    const auto user = *UserId::parse("user" + std::to_string(second));
    list.apply({false, {{user, std::nullopt, at(second), at(second + kLife)}}}, at(second));
    ASSERT_LE(list.size(), 2048U);
  }
  const auto user = *UserId::parse("user" + std::to_string(20 * kLife - 1));
  EXPECT_TRUE(list.revokes({user, device("phone").device}, at(0)));
}

}  // namespace
}  // namespace duet
