#include "client/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/client/people.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

MessageId id(int n) {
  return MessageId::parse("m" + std::to_string(n)).value();
}

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    outbox_.begun(kBob);
    outbox_.begun(kCarol);
  }

  void add(int n, const UserId& peer = kBob) { outbox_.add(static_cast<OutboxPosition>(n), id(n), peer); }

  // What is due now, by position; each is published.
  std::vector<OutboxPosition> publish() {
    last_ = outbox_.due(now_);
    std::vector<OutboxPosition> positions;
    for (const auto& attempt : last_) positions.push_back(attempt.position);
    return positions;
  }
  void answer(bool accepted) {
    for (const auto& attempt : last_) outbox_.answered(attempt, accepted, now_);
  }
  // All that is due until nothing is, every publish accepted.
  std::vector<OutboxPosition> publish_all() {
    std::vector<OutboxPosition> all;
    for (auto next = publish(); !next.empty(); next = publish()) {
      all.insert(all.end(), next.begin(), next.end());
      answer(true);
    }
    return all;
  }

  Outbox outbox_{seconds(10), seconds(60)};
  SteadyTime now_{std::chrono::hours(1)};
  std::vector<Outbox::Attempt> last_;
};

TEST_F(OutboxTest, PublishesNothingBeforeItIsOpen) {
  add(1);
  EXPECT_THAT(publish(), IsEmpty());
  EXPECT_EQ(outbox_.next_time(), std::nullopt);
  outbox_.open();
  EXPECT_THAT(publish(), ElementsAre(1));
}

TEST_F(OutboxTest, PublishesToAPeerOneAfterTheOther) {
  add(1);
  add(2);
  add(3, kCarol);
  outbox_.open();
  EXPECT_THAT(publish(), ElementsAre(1, 3)) << "2 waits for 1, and nobody waits for another peer";
  EXPECT_THAT(outbox_.due(now_), IsEmpty());
  answer(true);
  EXPECT_THAT(publish(), ElementsAre(2));
}

TEST_F(OutboxTest, AMessageStaysUntilItsSent) {
  add(1);
  outbox_.open();
  publish_all();
  EXPECT_EQ(outbox_.size(), 1U);
  EXPECT_EQ(outbox_.stored(id(1)), 1U);
  EXPECT_EQ(outbox_.size(), 0U);
  EXPECT_EQ(outbox_.stored(id(1)), std::nullopt);
  EXPECT_EQ(outbox_.next_time(), std::nullopt);
}

TEST_F(OutboxTest, PublishesAgainWhenSentDoesNotComeEverMoreSlowly) {
  add(1);
  outbox_.open();
  publish_all();
  for (const auto delay : {seconds(10), seconds(20), seconds(40), seconds(60), seconds(60)}) {
    EXPECT_EQ(outbox_.next_time(), now_ + delay);
    now_ += delay - milliseconds(1);
    EXPECT_THAT(publish(), IsEmpty());
    now_ += milliseconds(1);
    EXPECT_THAT(publish_all(), ElementsAre(1));
  }
}

TEST_F(OutboxTest, AfterANewConnectionPublishesAllThatAreLeftInOrder) {
  for (int n = 1; n <= 4; ++n) add(n);
  outbox_.open();
  publish_all();
  outbox_.stored(id(2));
  outbox_.close();
  EXPECT_THAT(publish(), IsEmpty());
  outbox_.open();
  EXPECT_THAT(publish_all(), ElementsAre(1, 3, 4));
}

TEST_F(OutboxTest, AnAnswerFromTheOldConnectionCountsForNothing) {
  add(1);
  outbox_.open();
  publish();
  const auto old = last_.front();
  outbox_.close();
  outbox_.open();
  ASSERT_THAT(publish(), ElementsAre(1));
  outbox_.answered(old, false, now_);
  answer(true);
  EXPECT_EQ(outbox_.next_time(), now_ + seconds(10)) << "accepted, by the answer of this connection";
}

TEST_F(OutboxTest, ARefusalForNowKeepsTheOrder) {
  add(1);
  add(2);
  add(3, kCarol);
  outbox_.open();
  publish();
  answer(false);  // PUBACK comes first, then the error event tells why
  EXPECT_EQ(outbox_.refused(id(1), error(ErrorCode::rate_limited, milliseconds(2500)), now_), std::nullopt);
  EXPECT_EQ(outbox_.refused(id(3), error(ErrorCode::rate_limited, milliseconds(9000)), now_), std::nullopt);
  EXPECT_THAT(publish(), IsEmpty()) << "2 does not overtake 1";
  EXPECT_EQ(outbox_.next_time(), now_ + milliseconds(2500));
  now_ += milliseconds(2500);
  EXPECT_THAT(publish_all(), ElementsAre(1, 2));
}

// The store may refuse to begin a conversation for now, when the broker has acknowledged the message long
// ago.
TEST_F(OutboxTest, TheFirstMessageToSomebodyWaitsForItsSent) {
  const UserId dave = UserId::parse("dave").value();
  for (int n = 1; n <= 3; ++n) add(n, dave);
  outbox_.open();
  EXPECT_THAT(publish_all(), ElementsAre(1)) << "acknowledged is not stored";
  EXPECT_EQ(outbox_.next_time(), now_ + seconds(10));

  EXPECT_EQ(outbox_.refused(id(1), error(ErrorCode::rate_limited, seconds(60)), now_), std::nullopt);
  EXPECT_EQ(outbox_.next_time(), now_ + seconds(60)) << "nothing is tried before";
  now_ += seconds(60) - milliseconds(1);
  EXPECT_THAT(publish(), IsEmpty());
  now_ += milliseconds(1);
  EXPECT_THAT(publish_all(), ElementsAre(1));

  outbox_.stored(id(1));
  EXPECT_THAT(publish_all(), ElementsAre(2, 3));
}

TEST_F(OutboxTest, ARefusalForGoodOfTheFirstLetsTheNextBeTheFirst) {
  const UserId dave = UserId::parse("dave").value();
  for (int n = 1; n <= 3; ++n) add(n, dave);
  outbox_.open();
  publish_all();
  outbox_.refused(id(1), error(ErrorCode::blocked), now_);
  EXPECT_THAT(publish_all(), ElementsAre(2));
}

TEST_F(OutboxTest, TheErrorEventMayComeBeforeThePuback) {
  add(1);
  outbox_.open();
  publish();
  EXPECT_EQ(outbox_.refused(id(1), error(ErrorCode::rate_limited, milliseconds(50)), now_), std::nullopt);
  answer(false);
  EXPECT_EQ(outbox_.next_time(), now_ + milliseconds(50)) << "the event knows better when";
}

TEST_F(OutboxTest, UnexplainedRefusalsAreTriedAgainEverMoreSlowly) {
  add(1);
  outbox_.open();
  for (const auto delay :
       {seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(30), seconds(30)}) {
    ASSERT_THAT(publish(), ElementsAre(1));
    answer(false);
    EXPECT_EQ(outbox_.next_time(), now_ + delay);
    now_ += delay;
  }
}

struct Verdict {
  ErrorCode code;
  bool for_good;
};
class OutboxVerdictTest : public ::testing::TestWithParam<Verdict> {};

TEST_P(OutboxVerdictTest, RemovesWhatNobodyWillTake) {
  Outbox outbox(seconds(10), seconds(60));
  outbox.add(1, id(1), kBob);
  outbox.add(2, id(2), kBob);
  outbox.open();
  const SteadyTime now{};
  outbox.due(now);
  const auto removed = outbox.refused(id(1), error(GetParam().code), now);
  EXPECT_EQ(removed, GetParam().for_good ? std::optional<OutboxPosition>(1) : std::nullopt);
  EXPECT_EQ(outbox.size(), GetParam().for_good ? 1U : 2U);
  EXPECT_EQ(outbox.due(now).empty(), !GetParam().for_good) << "the next one goes on only then";
}

INSTANTIATE_TEST_SUITE_P(
    Codes, OutboxVerdictTest,
    ::testing::Values(Verdict{ErrorCode::malformed, true}, Verdict{ErrorCode::too_large, true},
                      Verdict{ErrorCode::not_authorized, true}, Verdict{ErrorCode::not_found, true},
                      Verdict{ErrorCode::blocked, true}, Verdict{ErrorCode::unknown_method, true},
                      Verdict{ErrorCode::reset, true}, Verdict{ErrorCode::rate_limited, false},
                      Verdict{ErrorCode::unavailable, false}));

TEST_F(OutboxTest, ABoundedNumberWaitsForTheirSent) {
  const int count = static_cast<int>(Outbox::kMaxUnconfirmed) + 1;
  for (int n = 1; n <= count; ++n) add(n);
  outbox_.open();
  EXPECT_EQ(publish_all().size(), Outbox::kMaxUnconfirmed);
  outbox_.stored(id(1));
  EXPECT_THAT(publish_all(), ElementsAre(static_cast<OutboxPosition>(count)));
}

TEST_F(OutboxTest, KnowsWhenItIsFull) {
  for (int n = 1; n <= static_cast<int>(Outbox::kMaxMessages); ++n) {
    ASSERT_FALSE(outbox_.full());
    add(n);
  }
  EXPECT_TRUE(outbox_.full());
  outbox_.stored(id(7));
  EXPECT_FALSE(outbox_.full());
}

}  // namespace
}  // namespace duet
