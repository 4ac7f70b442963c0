#include "push_bridge/lane_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using testing::ElementsAre;

LaneNames two_vendors() {
  return LaneNames(
      {{"webpush/shop", AllowedHosts::parse({"push.example.com", "127.0.0.1:8443", "example.net"}).value()}});
}

TEST(LaneNames, AreOfServices) {
  const auto lanes = two_vendors();
  EXPECT_THAT(lanes.all_of("fcm/shop"), ElementsAre("fcm/shop"));
  EXPECT_THAT(lanes.all_of("webpush/shop"),
              ElementsAre("webpush/shop", "webpush/shop@push.example.com", "webpush/shop@example.net",
                          "webpush/shop@127.0.0.1:8443"));
  EXPECT_EQ(lanes.of("webpush/shop", "https://a.push.example.com/1"), "webpush/shop@push.example.com");
  EXPECT_EQ(lanes.of("webpush/shop", "https://127.0.0.1:8443/1"), "webpush/shop@127.0.0.1:8443");
  for (const char* nobodys : {"", "https://elsewhere.example/1", "http://example.net/1"})
    EXPECT_EQ(lanes.of("webpush/shop", nobodys), "webpush/shop") << nobodys;
  EXPECT_EQ(lanes.of("webpush/other", "https://example.net/1"), "webpush/other");
  EXPECT_EQ(lanes.of("apns/shop", "https://example.net/1"), "apns/shop");
}

TEST(LaneNames, OfARegistrationAreThoseOfItsTarget) {
  const auto lanes = two_vendors();
  auto browser = push_test::browser(push_test::device("bob"), "example.net", {});
  browser.app = "shop";
  EXPECT_EQ(lanes.of(browser), "webpush/shop@example.net");
  EXPECT_EQ(lanes.of(push_test::fcm(push_test::device("bob"), "token", {})), "fcm/app");
}

// After an update, or a change of the allowed hosts.
TEST(LaneNames, AreGivenToWhatWaitsAlready) {
  push_test::World world({}, LaneNames({{"webpush/app", AllowedHosts::parse({"example.net"}).value()}}));
  const auto bob = push_test::device("bob");
  const auto alice = push_test::user("alice");
  world.decision.registered(push_test::browser(bob, "example.net", world.now()), world.now());
  world.message(alice, bob.user, 1);
  const auto lane = world.job(bob, alice)->lane;
  EXPECT_EQ(lane, "webpush/app@example.net");
  world.database.jobs().set_lane(bob, "webpush/app@of.before");
  world.decision.sort_into_lanes();
  EXPECT_EQ(world.job(bob, alice)->lane, lane);
}

}  // namespace
}  // namespace duet
