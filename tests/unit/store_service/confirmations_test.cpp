#include "store_service/confirmations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_service/fixtures.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class ConfirmationsTest : public testing::Test {
 protected:
  Confirmations confirmations_;
  Confirmations::Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(ConfirmationsTest, WaitForNothingAtLowRates) {
  for (RecordNumber n = 1; n <= 5; ++n) {
    confirmations_.add(node(), n);
    EXPECT_LE(confirmations_.due(), now_);
    EXPECT_THAT(confirmations_.take(now_), ElementsAre(Pair(node(), n)));
    EXPECT_EQ(confirmations_.due(), std::nullopt);
    now_ += Confirmations::kSpacing;
  }
}

TEST_F(ConfirmationsTest, KeepADistanceAndTellTheLast) {
  confirmations_.add(node(), 1);
  confirmations_.take(now_);
  now_ += std::chrono::microseconds(100);
  confirmations_.add(node('a'), 2);
  confirmations_.add(node('b'), 7);
  confirmations_.add(node('a'), 3);
  EXPECT_THAT(confirmations_.take(now_), IsEmpty());
  const auto due = confirmations_.due();
  ASSERT_EQ(due, now_ - std::chrono::microseconds(100) + Confirmations::kSpacing);
  EXPECT_THAT(confirmations_.take(*due - std::chrono::nanoseconds(1)), IsEmpty());
  EXPECT_THAT(confirmations_.take(*due), ElementsAre(Pair(node('a'), 3), Pair(node('b'), 7)));
  EXPECT_THAT(confirmations_.take(*due), IsEmpty());
}

TEST_F(ConfirmationsTest, AreForgottenWithTheirSession) {
  confirmations_.add(node(), 1);
  confirmations_.clear();
  EXPECT_EQ(confirmations_.due(), std::nullopt);
  EXPECT_THAT(confirmations_.take(now_), IsEmpty());
}

}  // namespace
}  // namespace duet
