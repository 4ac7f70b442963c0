#include "push_bridge/lane_health.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using namespace std::chrono_literals;
using Gate = LaneHealth::Gate;

class LaneHealthTest : public testing::Test {
 protected:
  void fail(std::size_t times) {
    for (; times > 0; --times) health_.failed(now_);
  }
  LaneHealth health_;
  LaneHealth::Clock::time_point now_{1h};
};

TEST_F(LaneHealthTest, AFewFailuresInARowCloseIt) {
  fail(LaneHealth::kFailuresInARow - 1);
  EXPECT_EQ(health_.gate(now_), Gate::open);
  EXPECT_TRUE(health_.failed(now_));
  EXPECT_EQ(health_.gate(now_), Gate::closed);
  EXPECT_EQ(health_.gate(now_ + 1s), Gate::probe);
}

TEST_F(LaneHealthTest, ASuccessBetweenThemDoesNot) {
  fail(LaneHealth::kFailuresInARow - 1);
  health_.succeeded();
  fail(LaneHealth::kFailuresInARow - 1);
  EXPECT_EQ(health_.gate(now_), Gate::open);
}

TEST_F(LaneHealthTest, EachProbeThatFailsDoublesTheTimeUpToAMinute) {
  fail(LaneHealth::kFailuresInARow);
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    fail(3);  // of pushes that were on their way
    EXPECT_EQ(health_.gate(now_ + pause - 1ms), Gate::closed);
    now_ += pause;
    EXPECT_EQ(health_.gate(now_), Gate::probe);
    EXPECT_FALSE(health_.failed(now_));
  }
}

TEST_F(LaneHealthTest, ItStaysClosedAsLongAsTheServiceAsksFor) {
  fail(LaneHealth::kFailuresInARow - 1);
  EXPECT_EQ(health_.gate(now_), Gate::open);
  EXPECT_TRUE(health_.failed(now_, 90s));
  EXPECT_EQ(health_.gate(now_ + 90s - 1ms), Gate::closed);
  now_ += 90s;
  EXPECT_EQ(health_.gate(now_), Gate::probe);
  EXPECT_FALSE(health_.failed(now_, 10min));
  EXPECT_EQ(health_.gate(now_ + 10min - 1ms), Gate::closed);
  now_ += 10min;
  EXPECT_FALSE(health_.failed(now_));  // what it asked for once says nothing of the next time
  EXPECT_EQ(health_.gate(now_ + LaneHealth::kLongestPause), Gate::probe);
  now_ += LaneHealth::kLongestPause;
  EXPECT_FALSE(health_.failed(now_, 24h));
  EXPECT_EQ(health_.gate(now_ + LaneHealth::kLongestAsked), Gate::probe);
}

TEST_F(LaneHealthTest, ASuccessOpensIt) {
  health_.misconfigured(now_);
  EXPECT_EQ(health_.gate(now_ + 59s), Gate::closed);
  EXPECT_EQ(health_.gate(now_ + 60s), Gate::probe);
  EXPECT_TRUE(health_.succeeded());
  EXPECT_EQ(health_.gate(now_), Gate::open);
  EXPECT_FALSE(health_.succeeded());
}

class TokenLossesTest : public testing::Test {
 protected:
  void note(int good, int suspects) {
    for (; good > 0; --good) losses_.note(false, now_);
    for (; suspects > 0; --suspects) losses_.note(true, now_);
  }
  TokenLosses losses_;
  TokenLosses::Clock::time_point now_{1h};
};

TEST_F(TokenLossesTest, AFifthOfManyIsBelieved) {
  note(40, 10);
  EXPECT_FALSE(losses_.too_many(now_));
  EXPECT_TRUE(losses_.may_drop(now_));
}

TEST_F(TokenLossesTest, MoreIsOurOwnMistake) {
  note(39, 11);
  EXPECT_TRUE(losses_.too_many(now_));
  EXPECT_FALSE(losses_.may_drop(now_));
  EXPECT_FALSE(losses_.hopeless(now_));
  note(0, 30);
  EXPECT_TRUE(losses_.hopeless(now_));
}

TEST_F(TokenLossesTest, OfFewTheGoodOnesMustNotBeFewer) {
  note(0, 1);
  EXPECT_FALSE(losses_.may_drop(now_));
  note(1, 0);
  EXPECT_TRUE(losses_.may_drop(now_));
  EXPECT_FALSE(losses_.too_many(now_));
}

TEST_F(TokenLossesTest, IsForgottenAfterFiveMinutes) {
  note(0, 50);
  EXPECT_TRUE(losses_.too_many(now_));
  now_ += 5min + 1s;
  EXPECT_FALSE(losses_.too_many(now_));
}

}  // namespace
}  // namespace duet
