#include "key_fetcher/fetch_schedule.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using namespace std::chrono_literals;

TEST(RefreshAfter, IsWhatIsConfiguredOrSaidWithinBounds) {
  EXPECT_EQ(refresh_after(std::nullopt, ""), 300s);
  EXPECT_EQ(refresh_after(std::nullopt, "no-cache"), 300s);
  EXPECT_EQ(refresh_after(std::nullopt, "public, max-age=3600, must-revalidate"), 3600s);
  EXPECT_EQ(refresh_after(std::nullopt, "Max-Age=31"), 31s);
  EXPECT_EQ(refresh_after(std::nullopt, "max-age=15"), 30s);
  EXPECT_EQ(refresh_after(std::nullopt, "max-age=0"), 30s);
  EXPECT_EQ(refresh_after(std::nullopt, "max-age=-5"), 30s);
  EXPECT_EQ(refresh_after(std::nullopt, "max-age=31536000"), 24h);
  EXPECT_EQ(refresh_after(std::nullopt, "max-age=99999999999999999999"), 24h);
  EXPECT_EQ(refresh_after(std::nullopt, "max-age=soon"), 300s);
  EXPECT_EQ(refresh_after(std::nullopt, "s-maxage=60, x-max-age=60"), 300s);
  EXPECT_EQ(refresh_after(7s, "max-age=3600"), 7s);
}

TEST(RetryAfter, DoublesWithJitterUpToFiveMinutes) {
  EXPECT_EQ(retry_after(1, 0), 1s);
  EXPECT_EQ(retry_after(2, 0), 2s);
  EXPECT_EQ(retry_after(5, 0), 16s);
  EXPECT_EQ(retry_after(5, 0.5), 12s);
  EXPECT_EQ(retry_after(9, 0), 256s);
  EXPECT_EQ(retry_after(10, 0), 300s);
  EXPECT_EQ(retry_after(1'000'000, 0), 300s);
  EXPECT_GE(retry_after(1'000'000, 0.999), 150s);
}

}  // namespace
}  // namespace duet
