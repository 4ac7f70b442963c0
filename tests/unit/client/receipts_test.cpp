#include "client/receipts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/people.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReceiptsTest : public ::testing::Test {
 protected:
  // The one receipt that is due.
  Receipts::Due due() {
    const auto all = receipts_.due(now_);
    EXPECT_THAT(all, SizeIs(1));
    return all.empty() ? Receipts::Due{kBob, {}} : all.front();
  }

  Receipts receipts_{{}};
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(ReceiptsTest, AreCumulativeAndOneIsOnItsWay) {
  receipts_.open();
  receipts_.want_delivered(kBob, 1);
  receipts_.want_delivered(kBob, 3);
  const auto first = due();
  EXPECT_EQ(first.payload.delivered, 3U);
  receipts_.want_delivered(kBob, 5);
  receipts_.want_read(kBob, 4);
  EXPECT_THAT(receipts_.due(now_), IsEmpty());
  receipts_.answered(first, true, now_);
  const auto second = due();
  EXPECT_EQ(second.payload.delivered, 5U);
  EXPECT_EQ(second.payload.read, 4U);
  receipts_.answered(second, true, now_);
  EXPECT_THAT(receipts_.due(now_), IsEmpty());
  EXPECT_EQ(receipts_.next_time(), std::nullopt);
}

TEST_F(ReceiptsTest, ReadImpliesDelivered) {
  receipts_.open();
  receipts_.want_read(kBob, 4);
  EXPECT_EQ(due().payload.delivered, 4U);
}

TEST_F(ReceiptsTest, AreToldAgainAfterANewConnectionAndANewStart) {
  receipts_.open();
  receipts_.want_delivered(kBob, 2);
  due();
  receipts_.close();
  EXPECT_THAT(receipts_.due(now_), IsEmpty());
  receipts_.open();
  EXPECT_EQ(due().payload.delivered, 2U);

  receipts_ = Receipts(receipts_.take_changed());
  receipts_.open();
  const auto again = due();
  EXPECT_EQ(again.payload.delivered, 2U);
  receipts_.answered(again, true, now_);

  receipts_ = Receipts(receipts_.take_changed());
  receipts_.open();
  EXPECT_THAT(receipts_.due(now_), IsEmpty());
}

TEST_F(ReceiptsTest, ARefusalForNowIsTriedAgainLater) {
  receipts_.open();
  receipts_.want_delivered(kBob, 2);
  receipts_.answered(due(), false, now_);
  EXPECT_EQ(receipts_.next_time(), now_ + seconds(1));
  receipts_.refused(kBob, error(ErrorCode::rate_limited, milliseconds(300)), now_);
  EXPECT_EQ(receipts_.next_time(), now_ + milliseconds(300));
  now_ += milliseconds(300);
  EXPECT_EQ(due().payload.delivered, 2U);
}

TEST_F(ReceiptsTest, ARefusalForGoodEndsIt) {
  receipts_.open();
  receipts_.want_delivered(kBob, 2);
  receipts_.answered(due(), false, now_);
  receipts_.refused(kBob, error(ErrorCode::blocked), now_);
  EXPECT_EQ(receipts_.next_time(), std::nullopt);
  receipts_.want_delivered(kBob, 3);
  EXPECT_EQ(due().payload.delivered, 3U);
}

TEST_F(ReceiptsTest, WhatAnotherDeviceHasToldNeedNotBeTold) {
  receipts_.open();
  receipts_.want_delivered(kBob, 2);
  EXPECT_TRUE(receipts_.raise(kAlice, kBob, {.by = kAlice, .delivered = 5, .read = 4, .cursor = {}}));
  EXPECT_THAT(receipts_.due(now_), IsEmpty());
  receipts_.want_delivered(kBob, 5);
  EXPECT_THAT(receipts_.due(now_), IsEmpty());
  receipts_.want_read(kBob, 5);
  EXPECT_EQ(due().payload.read, 5U);
}

TEST_F(ReceiptsTest, MarksRiseAndNeverFall) {
  const auto of_bob = [](Seq delivered, Seq read) {
    return Receipt{.by = kBob, .delivered = delivered, .read = read, .cursor = {}};
  };
  EXPECT_TRUE(receipts_.raise(kAlice, kBob, of_bob(3, 0)));
  EXPECT_FALSE(receipts_.raise(kAlice, kBob, of_bob(3, 0)));
  EXPECT_TRUE(receipts_.raise(kAlice, kBob, of_bob(2, 2)));
  EXPECT_FALSE(receipts_.raise(kAlice, kBob, of_bob(1, 1)));
  EXPECT_EQ(receipts_.marks().at(kBob).peer_delivered, 3U);
  EXPECT_EQ(receipts_.marks().at(kBob).peer_read, 2U);
}

TEST_F(ReceiptsTest, TellWhatHasChangedOnce) {
  EXPECT_THAT(receipts_.take_changed(), IsEmpty());
  receipts_.set_seen(kBob, 1);
  receipts_.set_seen(kBob, 2);
  const auto changed = receipts_.take_changed();
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_EQ(changed.at(kBob).seen, 2U);
  EXPECT_THAT(receipts_.take_changed(), IsEmpty());
}

TEST_F(ReceiptsTest, ALateAnswerDoesNotRaiseWhatWasTakenBack) {
  receipts_.open();
  receipts_.want_delivered(kBob, 9);
  const auto sent = due();
  receipts_.rewind(kBob, {.seen = 3, .delivered = 2});
  receipts_.answered(sent, true, now_);
  EXPECT_EQ(receipts_.marks().at(kBob).delivered, 3U);
  receipts_.want_delivered(kBob, 4);
  EXPECT_EQ(due().payload.delivered, 4U);
}

}  // namespace
}  // namespace duet
