#include "service/histogram.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace duet {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Histogram, IsZeroWhenNothingWasRecorded) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.percentile(99), nanoseconds(0));
}

TEST(Histogram, ReportsEveryDurationWithinOnePercentAndNeverBelow) {
  for (std::int64_t value = 1; value < seconds(3600) / nanoseconds(1); value = value * 17 / 16 + 1) {
    Histogram histogram;
    histogram.record(nanoseconds(value));
    histogram.record(nanoseconds(value * 2));  // so that the maximum does not bound the answer
    const std::int64_t reported = histogram.percentile(50).count();
    EXPECT_GE(reported, value);
    EXPECT_LE(reported - value, value / 100) << value;
  }
}

TEST(Histogram, TakesTheGreatestDuration) {
  Histogram histogram;
  histogram.record(nanoseconds::max());
  EXPECT_EQ(histogram.percentile(100), nanoseconds::max());
}

TEST(Histogram, CountsNegativeDurationsAsZero) {
  Histogram histogram;
  histogram.record(nanoseconds(-5));
  EXPECT_EQ(histogram.percentile(100), nanoseconds(0));
}

TEST(Histogram, PercentilesAreNearestRank) {
  Histogram histogram;
  for (int value = 1; value <= 200; ++value) histogram.record(nanoseconds(value));
  EXPECT_EQ(histogram.percentile(50), nanoseconds(100));
  EXPECT_EQ(histogram.percentile(99), nanoseconds(198));
  EXPECT_EQ(histogram.percentile(99.9), nanoseconds(200));
  EXPECT_EQ(histogram.percentile(0.1), nanoseconds(1));
}

TEST(Histogram, NeverReportsMoreThanTheMaximum) {
  Histogram histogram;
  histogram.record(nanoseconds(1'000'001));
  EXPECT_EQ(histogram.percentile(100), histogram.max());
}

}  // namespace
}  // namespace duet
