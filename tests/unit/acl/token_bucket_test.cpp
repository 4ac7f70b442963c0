#include "acl/token_bucket.h"

#include <gtest/gtest.h>

#include <string>

namespace duet {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Clock = TokenBuckets::Clock;

const Clock::time_point kStart{hours(1000)};

int take_all(TokenBuckets& buckets, std::string_view key, Clock::time_point now) {
  int taken = 0;
  while (!buckets.take(key, now)) ++taken;
  return taken;
}

TEST(TokenBuckets, StartFullAndFlowIn) {
  TokenBuckets buckets({20, 60});
  EXPECT_EQ(take_all(buckets, "alice", kStart), 60);
  EXPECT_EQ(take_all(buckets, "alice", kStart), 0);
  EXPECT_EQ(take_all(buckets, "alice", kStart + seconds(1)), 20);
  EXPECT_EQ(take_all(buckets, "alice", kStart + seconds(3)), 40);
  EXPECT_EQ(take_all(buckets, "alice", kStart + hours(1)), 60);
}

TEST(TokenBuckets, AreOnePerKey) {
  TokenBuckets buckets({1, 1});
  EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_TRUE(buckets.take("alice", kStart));
  EXPECT_FALSE(buckets.take("bob", kStart));
}

TEST(TokenBuckets, KeepThePromisedWait) {
  for (const double rate : {0.001, 1.0 / 3, 1.0, 3.0, 7.0, 20.0, 999.0, 1e6}) {
    TokenBuckets buckets({rate, 1});
    auto now = kStart;
    ASSERT_FALSE(buckets.take("alice", now));
    for (int i = 0; i < 50; ++i) {
      const auto wait = buckets.take("alice", now);
      ASSERT_TRUE(wait) << rate;
      EXPECT_GE(*wait, milliseconds(1));
      EXPECT_LE(*wait, milliseconds(1 + static_cast<int>(1000 / rate)));
      now += *wait;
      EXPECT_FALSE(buckets.take("alice", now)) << rate;
      // At a million a second a millisecond brings many; one is all that fits.
    }
  }
}

TEST(TokenBuckets, RefuseUntilTheTokenIsThere) {
  TokenBuckets buckets({10, 1});
  ASSERT_FALSE(buckets.take("alice", kStart));
  EXPECT_EQ(buckets.take("alice", kStart), milliseconds(100));
  EXPECT_EQ(buckets.take("alice", kStart + milliseconds(99)), milliseconds(1));
  EXPECT_FALSE(buckets.take("alice", kStart + milliseconds(100)));
}

TEST(TokenBuckets, KnowNoLimitAtRateZero) {
  TokenBuckets buckets({0, 0});
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_EQ(buckets.size(), 0U);
}

TEST(TokenBuckets, HoldAtLeastOneToken) {
  TokenBuckets buckets({2, 0});
  EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_EQ(buckets.take("alice", kStart), milliseconds(500));
  EXPECT_FALSE(buckets.take("alice", kStart + milliseconds(500)));
}

TEST(TokenBuckets, BoundTheWaitOfAnAbsurdRate) {
  TokenBuckets buckets({1e-300, 1});
  EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_EQ(buckets.take("alice", kStart), hours(24));
}

TEST(TokenBuckets, SurviveAClockThatStepsBack) {
  TokenBuckets buckets({1, 2});
  EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_FALSE(buckets.take("alice", kStart - hours(1)));
  EXPECT_TRUE(buckets.take("alice", kStart - hours(1)));
  EXPECT_TRUE(buckets.take("alice", kStart));
  EXPECT_FALSE(buckets.take("alice", kStart + seconds(1)));
}

TEST(TokenBuckets, ForgetWhoIsQuiet) {
  TokenBuckets buckets({10, 10});
  for (int i = 0; i < 100000; ++i) buckets.take(std::to_string(i), kStart + milliseconds(i));
  // A bucket with nine of ten is full after 100 ms, so about 100 are in use at a time.
  EXPECT_LE(buckets.size(), 1024U);
}

TEST(TokenBuckets, DoNotForgetWhoIsBusy) {
  TokenBuckets buckets({1, 2});
  EXPECT_EQ(take_all(buckets, "alice", kStart), 2);
  for (int i = 0; i < 10000; ++i) buckets.take(std::to_string(i), kStart);
  EXPECT_TRUE(buckets.take("alice", kStart));
}

}  // namespace
}  // namespace duet
