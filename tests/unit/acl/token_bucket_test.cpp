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

TEST(TokenBuckets, LetADearEventPassForOneTokenAndAskForTheRestAfterwards) {
  TokenBuckets buckets({1, 2});
  EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_FALSE(buckets.take("alice", kStart, 4));
  EXPECT_EQ(buckets.take("alice", kStart), milliseconds(4000));
  EXPECT_EQ(take_all(buckets, "alice", kStart + seconds(4)), 1);
  EXPECT_EQ(take_all(buckets, "alice", kStart + seconds(7)), 2);
}

TEST(TokenBuckets, LookingTakesNothing) {
  TokenBuckets buckets({1, 2});
  EXPECT_FALSE(buckets.look("alice", kStart));
  EXPECT_EQ(buckets.size(), 0U);
  EXPECT_FALSE(buckets.take("alice", kStart));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(buckets.look("alice", kStart));
  EXPECT_FALSE(buckets.take("alice", kStart));
  EXPECT_EQ(buckets.look("alice", kStart), milliseconds(1000));
  EXPECT_EQ(buckets.look("alice", kStart + milliseconds(400)), milliseconds(600));
  EXPECT_FALSE(buckets.look("alice", kStart + seconds(1)));
  EXPECT_FALSE(TokenBuckets({0, 0}).look("alice", kStart));
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

// The bucket as a moment.

constexpr Timestamp kMoment{hours(1000)};
constexpr RateLimit kSixtyAnHour{60.0 / 3600, 60};

TEST(TakeToken, GivesTheBurstAndThenAtTheRate) {
  std::optional<Timestamp> full_at;
  for (int i = 0; i < 60; ++i) {
    const auto taken = take_token(kSixtyAnHour, full_at, kMoment);
    ASSERT_FALSE(taken.wait) << i;
    full_at = taken.full_at;
  }
  const auto refused = take_token(kSixtyAnHour, full_at, kMoment);
  EXPECT_EQ(refused.wait, milliseconds(seconds(60)));
  EXPECT_EQ(refused.full_at, full_at) << "a refusal costs nothing";
  EXPECT_EQ(take_token(kSixtyAnHour, full_at, kMoment + seconds(59)).wait, milliseconds(seconds(1)));
  const auto taken = take_token(kSixtyAnHour, full_at, kMoment + seconds(60));
  EXPECT_FALSE(taken.wait);
  EXPECT_TRUE(take_token(kSixtyAnHour, taken.full_at, kMoment + seconds(60)).wait);
}

TEST(TakeToken, IsFullAfterTheBurstsTime) {
  std::optional<Timestamp> full_at = kMoment + hours(1);
  for (int i = 0; i < 60; ++i) {
    const auto taken = take_token(kSixtyAnHour, full_at, kMoment + hours(5));
    ASSERT_FALSE(taken.wait) << i;
    full_at = taken.full_at;
  }
  EXPECT_TRUE(take_token(kSixtyAnHour, full_at, kMoment + hours(5)).wait);
}

TEST(TakeToken, KeepsThePromisedWait) {
  for (const double per_hour : {1.0, 7.0, 60.0, 1000.0, 100'000.0}) {
    const RateLimit limit{per_hour / 3600, per_hour};
    std::optional<Timestamp> full_at = kMoment + hours(1);
    auto now = kMoment;
    for (int i = 0; i < 20; ++i) {
      const auto refused = take_token(limit, full_at, now);
      ASSERT_TRUE(refused.wait) << per_hour;
      EXPECT_LE(refused.wait->count(), 1 + 3'600'000 / per_hour);
      now += *refused.wait;
      const auto taken = take_token(limit, full_at, now);
      ASSERT_FALSE(taken.wait) << per_hour;
      full_at = taken.full_at;
    }
  }
}

TEST(TakeToken, AClockThatStepsBackLocksNobodyOut) {
  const auto refused = take_token(kSixtyAnHour, kMoment + hours(500), kMoment);
  EXPECT_EQ(refused.wait, milliseconds(seconds(60)));
  EXPECT_EQ(refused.full_at, kMoment + hours(1));
}

TEST(TakeToken, ARateOfZeroIsNoLimit) {
  EXPECT_FALSE(take_token({0, 0}, kMoment + hours(1), kMoment).wait);
}

}  // namespace
}  // namespace duet
