#include "client/push_registration.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

class PushRegistrationTest : public ::testing::Test {
 protected:
  void set(const std::string& payload) {
    push_.set(
        payload, [this] { ++taken_; }, now_);
  }

  PushRegistration push_;
  SteadyTime now_{std::chrono::hours(1)};
  int taken_ = 0;
};

TEST_F(PushRegistrationTest, IsToldAfterEveryConnect) {
  set("{}");
  EXPECT_EQ(push_.due(now_), std::nullopt) << "there is no connection";
  for (int i = 0; i < 2; ++i) {
    push_.connected(now_);
    EXPECT_EQ(push_.next_time(), now_);
    EXPECT_EQ(push_.due(now_), "{}");
    EXPECT_EQ(push_.due(now_), std::nullopt) << "it is on its way";
    push_.answered(true, now_);
    push_.disconnected();
  }
  EXPECT_EQ(taken_, 1);
}

TEST_F(PushRegistrationTest, IsToldAgainWithGrowingPausesWhileNobodyTakesIt) {
  push_.connected(now_);
  set("{}");
  EXPECT_EQ(push_.due(now_), "{}");
  push_.answered(false, now_);
  EXPECT_EQ(push_.due(now_), std::nullopt);
  now_ += kFirstRetry;
  EXPECT_EQ(push_.due(now_), "{}");
  push_.answered(false, now_);
  EXPECT_EQ(push_.next_time(), now_ + 2 * kFirstRetry);
  now_ += kMaxRetry;
  EXPECT_EQ(push_.due(now_), "{}");
  EXPECT_EQ(taken_, 0);
  push_.answered(true, now_);
  EXPECT_EQ(taken_, 1);
  EXPECT_EQ(push_.next_time(), std::nullopt);
}

TEST_F(PushRegistrationTest, TheLastOneCounts) {
  push_.connected(now_);
  set("old");
  set("new");
  EXPECT_EQ(push_.due(now_), "new");
  push_.disconnected();
  push_.answered(false, now_);
  EXPECT_EQ(push_.next_time(), std::nullopt) << "the next connection begins anew";
}

TEST_F(PushRegistrationTest, WhatWasRefusedAfterItsAcknowledgementIsToldAgain) {
  push_.connected(now_);
  set("{}");
  EXPECT_EQ(push_.due(now_), "{}");
  push_.answered(true, now_);
  push_.refused_for_now(now_);
  EXPECT_EQ(push_.due(now_ + kFirstRetry), "{}");
}

TEST_F(PushRegistrationTest, WhatIsRefusedForGoodIsToldNoMore) {
  push_.connected(now_);
  set("wrong");
  EXPECT_EQ(push_.due(now_), "wrong");
  push_.refused_for_good();
  push_.answered(false, now_);  // the acknowledgement of MQTT 5 may come after the error
  push_.disconnected();
  push_.connected(now_);
  EXPECT_EQ(push_.next_time(), std::nullopt);
  set("right");
  EXPECT_EQ(push_.due(now_), "right");
}

TEST_F(PushRegistrationTest, NothingIsToldWithoutOne) {
  push_.connected(now_);
  EXPECT_EQ(push_.next_time(), std::nullopt);
  EXPECT_EQ(push_.due(now_), std::nullopt);
}

}  // namespace
}  // namespace duet
