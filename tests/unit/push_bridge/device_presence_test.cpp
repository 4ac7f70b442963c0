#include "push_bridge/device_presence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using push_test::device;
using testing::ElementsAre;
using testing::IsEmpty;
using Change = DevicePresence::Change;

const Device kPhone = device("bob");
const Device kTablet = device("bob", "tablet");

TEST(DevicePresenceTest, IsKnownWithTheFirstWholeSnapshotOfAConnection) {
  DevicePresence presence;
  EXPECT_FALSE(presence.known());
  EXPECT_THAT(presence.apply({.reset = true, .online = {kPhone}}), ElementsAre(Change{kPhone, true}));
  EXPECT_TRUE(presence.known());
  presence.disconnected();
  EXPECT_FALSE(presence.known());
  EXPECT_TRUE(presence.online(kPhone));
}

TEST(DevicePresenceTest, WhoIsInNoPageIsOffline) {
  DevicePresence presence;
  presence.set(kPhone, true);
  EXPECT_THAT(presence.apply({.reset = true, .online = {kTablet}}),
              ElementsAre(Change{kTablet, true}, Change{kPhone, false}));
}

TEST(DevicePresenceTest, ASnapshotEndsWithThePageThatIsNotFull) {
  DevicePresence presence;
  PresenceSnapshot page{.reset = true, .online = {}};
  for (std::size_t i = 0; i < kServicePage; ++i) page.online.push_back(device("user" + std::to_string(i)));
  presence.set(kPhone, true);
  presence.apply(page);
  EXPECT_FALSE(presence.known());
  EXPECT_TRUE(presence.online(kPhone));
  EXPECT_THAT(presence.apply({.reset = false, .online = {}}), ElementsAre(Change{kPhone, false}));
  EXPECT_TRUE(presence.known());
}

TEST(DevicePresenceTest, WhatIsSaidBetweenPagesIsNewerThanThem) {
  DevicePresence presence;
  PresenceSnapshot page{.reset = true, .online = {}};
  for (std::size_t i = 0; i < kServicePage; ++i) page.online.push_back(device("user" + std::to_string(i)));
  presence.apply(page);
  presence.set(kPhone, true);
  presence.set(page.online[0], false);
  EXPECT_THAT(presence.apply({.reset = false, .online = {}}), IsEmpty());
  EXPECT_TRUE(presence.online(kPhone));
  EXPECT_FALSE(presence.online(page.online[0]));
}

TEST(DevicePresenceTest, PagesWithoutAFirstOneAreOnlyNews) {
  DevicePresence presence;
  presence.set(kPhone, true);
  EXPECT_THAT(presence.apply({.reset = false, .online = {kTablet}}), ElementsAre(Change{kTablet, true}));
  EXPECT_TRUE(presence.online(kPhone));
  EXPECT_FALSE(presence.known());
}

}  // namespace
}  // namespace duet
