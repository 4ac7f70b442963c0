#include "store_service/delivery_tracker.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using std::chrono::milliseconds;

TEST(DeliveryTracker, BeginsWithTheStoredMark) {
  EXPECT_EQ(DeliveryTracker(5).mark(), 5U);
}

TEST(DeliveryTracker, MovesTheMarkOverWhatIsAcknowledgedWithoutGaps) {
  DeliveryTracker tracker(0);
  tracker.restart();
  const auto first = tracker.sent(3);
  const auto second = tracker.sent(6);
  const auto third = tracker.sent(9);

  tracker.settled(second, true);
  EXPECT_EQ(tracker.mark(), 0U);
  tracker.settled(first, true);
  EXPECT_EQ(tracker.mark(), 6U);
  tracker.settled(third, true);
  EXPECT_EQ(tracker.mark(), 9U);
}

TEST(DeliveryTracker, NeverMovesTheMarkBack) {
  DeliveryTracker tracker(7);
  tracker.restart();
  tracker.settled(tracker.sent(0), true);
  tracker.settled(tracker.sent(3), true);
  EXPECT_EQ(tracker.mark(), 7U);
}

TEST(DeliveryTracker, StandsStillOnceAFrameIsLost) {
  DeliveryTracker tracker(0);
  tracker.restart();
  const auto lost = tracker.sent(1);
  const auto other = tracker.sent(2);

  tracker.settled(lost, false);
  tracker.settled(other, true);
  tracker.settled(tracker.sent(3), true);

  EXPECT_TRUE(tracker.failed());
  EXPECT_EQ(tracker.mark(), 0U);
}

TEST(DeliveryTracker, IgnoresFramesOfAnEarlierConnection) {
  DeliveryTracker tracker(0);
  tracker.restart();
  const auto old = tracker.sent(5);
  tracker.settled(tracker.sent(6), false);
  tracker.restart();
  const auto fresh = tracker.sent(1);

  tracker.settled(old, true);
  EXPECT_FALSE(tracker.failed());
  EXPECT_EQ(tracker.mark(), 0U);
  tracker.settled(fresh, true);
  EXPECT_EQ(tracker.mark(), 1U);
}

TEST(DeliveryTracker, HasRoomAgainWhenFramesAreSettled) {
  DeliveryTracker tracker(0);
  tracker.restart();
  const auto ticket = tracker.sent(1);

  EXPECT_TRUE(tracker.wait_for_room(2, milliseconds(0)));
  EXPECT_FALSE(tracker.wait_for_room(1, milliseconds(0)));
  tracker.settled(ticket, true);
  EXPECT_TRUE(tracker.wait_for_room(1, milliseconds(0)));
}

}  // namespace
}  // namespace duet
