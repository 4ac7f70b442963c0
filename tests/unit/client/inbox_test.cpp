#include "client/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/client/people.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Envelope message(Seq seq) {
  return {.seq = seq,
          .id = MessageId::parse("m" + std::to_string(seq)).value(),
          .from = kBob,
          .to = kAlice,
          .ts = Timestamp(std::chrono::milliseconds(1)),
          .type = "text/plain",
          .body = "body",
          .cursor = "c"};
}

class InboxTest : public ::testing::Test {
 protected:
  static std::vector<Seq> seqs(const std::vector<Envelope>& envelopes) {
    std::vector<Seq> all;
    all.reserve(envelopes.size());
    for (const auto& envelope : envelopes) all.push_back(envelope.seq);
    return all;
  }
  std::vector<Seq> take(Seq seq, const UserId& peer = kBob) { return seqs(inbox_.take(peer, message(seq))); }

  Inbox inbox_;
};

TEST_F(InboxTest, TellsEachMessageOnce) {
  EXPECT_THAT(take(1), ElementsAre(1));
  EXPECT_THAT(take(1), IsEmpty());
  EXPECT_THAT(take(2), ElementsAre(2));
  EXPECT_THAT(take(1), IsEmpty());
  EXPECT_FALSE(inbox_.has_hole(kBob));
}

TEST_F(InboxTest, GoesOnWhereItStopped) {
  inbox_.set_seen(kBob, 7);
  EXPECT_THAT(take(7), IsEmpty());
  EXPECT_THAT(take(8), ElementsAre(8));
  EXPECT_EQ(inbox_.seen(kBob), 8U);
}

TEST_F(InboxTest, HoldsWhatComesTooEarlyUntilTheHoleIsFilled) {
  take(1);
  EXPECT_THAT(take(4), IsEmpty());
  EXPECT_THAT(take(3), IsEmpty());
  EXPECT_TRUE(inbox_.has_hole(kBob));
  EXPECT_THAT(inbox_.peers_with_holes(), ElementsAre(kBob));
  EXPECT_THAT(take(2), ElementsAre(2, 3, 4));
  EXPECT_FALSE(inbox_.has_hole(kBob));
  EXPECT_THAT(take(3), IsEmpty());
}

TEST_F(InboxTest, ConversationsDoNotWaitForOneAnother) {
  EXPECT_THAT(take(2, kBob), IsEmpty());
  EXPECT_THAT(take(1, kCarol), ElementsAre(1));
  EXPECT_THAT(take(1, kBob), ElementsAre(1, 2));
}

TEST_F(InboxTest, SkipsWhatTheStoreHasNoMore) {
  take(5);
  EXPECT_THAT(seqs(inbox_.skip_to(kBob, 4)), IsEmpty()) << "4 itself is still to come";
  EXPECT_THAT(take(4), ElementsAre(4, 5));
  EXPECT_THAT(seqs(inbox_.skip_to(kBob, 2)), IsEmpty()) << "never backwards";
  EXPECT_EQ(inbox_.seen(kBob), 5U);
}

TEST_F(InboxTest, GivesAHoleUpThatNobodyCanFill) {
  take(1);
  take(4);
  take(5);
  take(8);
  EXPECT_THAT(seqs(inbox_.give_up_hole(kBob)), ElementsAre(4, 5));
  EXPECT_TRUE(inbox_.has_hole(kBob));
  EXPECT_THAT(seqs(inbox_.give_up_hole(kBob)), ElementsAre(8));
  EXPECT_FALSE(inbox_.has_hole(kBob));
}

TEST_F(InboxTest, ForgetsRatherThanHoldsTooMuchAndKnowsOfTheHole) {
  const Seq last = Inbox::kMaxHeld + 100;
  for (Seq seq = 2; seq <= last; ++seq) EXPECT_THAT(take(seq), IsEmpty());
  EXPECT_EQ(take(1).size(), Inbox::kMaxHeld + 1);
  EXPECT_TRUE(inbox_.has_hole(kBob)) << "the rest is asked for";
  EXPECT_THAT(take(inbox_.seen(kBob) + 1), ElementsAre(Inbox::kMaxHeld + 2));
}

TEST_F(InboxTest, AnyOrderOfArrivalIsToldInTheOrderOfSeq) {
  std::vector<Seq> order{1, 2, 3, 4, 5};
  do {
    Inbox inbox;
    std::vector<Seq> told;
    for (const Seq seq : order) {
      for (const auto& envelope : inbox.take(kBob, message(seq))) told.push_back(envelope.seq);
    }
    ASSERT_THAT(told, ElementsAre(1, 2, 3, 4, 5));
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(InboxTest, RewoundKnowsNothingOfWhatCameBefore) {
  take(1);
  take(5);
  inbox_.rewind(kBob, 0);
  EXPECT_FALSE(inbox_.has_hole(kBob));
  EXPECT_THAT(take(1), ElementsAre(1U));
  EXPECT_THAT(take(2), ElementsAre(2U));
}

}  // namespace
}  // namespace duet
