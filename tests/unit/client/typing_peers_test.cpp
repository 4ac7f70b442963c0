#include "client/typing_peers.h"

#include <gmock/gmock.h>

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const SteadyTime kNow{std::chrono::hours(1)};
const UserId kBob = UserId::parse("bob").value();
const UserId kCarol = UserId::parse("carol").value();

TEST(TypingPeers, TellWhatChanges) {
  TypingPeers peers;
  EXPECT_FALSE(peers.said(kBob, false, kNow));
  EXPECT_TRUE(peers.said(kBob, true, kNow));
  EXPECT_FALSE(peers.said(kBob, true, kNow));
  EXPECT_TRUE(peers.said(kBob, false, kNow));
  EXPECT_EQ(peers.next_time(), std::nullopt);
}

TEST(TypingPeers, StopWhenTheirTrueIsNotRepeated) {
  TypingPeers peers;
  peers.said(kBob, true, kNow);
  peers.said(kCarol, true, kNow);
  peers.said(kCarol, true, kNow + kTypingExpiry / 2);
  EXPECT_EQ(peers.next_time(), kNow + kTypingExpiry);
  EXPECT_THAT(peers.expired(kNow + kTypingExpiry - std::chrono::milliseconds(1)), IsEmpty());
  EXPECT_THAT(peers.expired(kNow + kTypingExpiry), ElementsAre(kBob));
  EXPECT_THAT(peers.expired(kNow + 2 * kTypingExpiry), ElementsAre(kCarol));
}

TEST(TypingPeers, AreForgottenWithTheConnection) {
  TypingPeers peers;
  peers.said(kBob, true, kNow);
  EXPECT_THAT(peers.forget(), ElementsAre(kBob));
  EXPECT_THAT(peers.forget(), IsEmpty());
}

}  // namespace
}  // namespace duet
