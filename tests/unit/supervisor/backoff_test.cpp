#include "supervisor/backoff.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using std::chrono::milliseconds;

TEST(RestartBackoff, StartsAgainAtOnceAfterASoundLife) {
  RestartBackoff backoff;
  EXPECT_EQ(backoff.after_life_of(milliseconds(2001)), milliseconds(50));
  EXPECT_EQ(backoff.after_life_of(milliseconds(86'400'000)), milliseconds(50));
}

TEST(RestartBackoff, DoublesAfterShortLivesUpToFiveSeconds) {
  RestartBackoff backoff;
  for (const int expected : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
    EXPECT_EQ(backoff.after_life_of(milliseconds(2000)), milliseconds(expected));
  }
}

TEST(RestartBackoff, ASoundLifeForgivesShortOnes) {
  RestartBackoff backoff;
  for (int i = 0; i < 5; ++i) backoff.after_life_of(milliseconds(0));
  EXPECT_EQ(backoff.after_life_of(milliseconds(3000)), milliseconds(50));
  EXPECT_EQ(backoff.after_life_of(milliseconds(0)), milliseconds(100));
}

}  // namespace
}  // namespace duet
