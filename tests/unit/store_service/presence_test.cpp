#include "store_service/presence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_service/fixtures.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kDebounce{2000};

class PresenceTest : public testing::Test {
 protected:
  Moment now() const { return {std::chrono::steady_clock::time_point(time_), at_ms(1'000'000) + time_}; }
  void online(const Device& one) { presence_.set_state(one, DeviceState::online, now()); }
  void offline(const Device& one) { presence_.set_state(one, DeviceState::offline, now()); }
  void snapshot(bool reset, std::vector<Device> devices) {
    presence_.apply(PresenceSnapshot{reset, std::move(devices)}, now());
  }
  std::optional<PeerPresence> watch(const Device& watcher, const UserId& peer) {
    return presence_.watch(watcher, peer, stored_, now());
  }

  // Lets time pass, from deadline to deadline, and returns what watchers heard: `watcher<peer+` for online,
  // `watcher<peer-` for offline.
  std::vector<std::string> pass(milliseconds time) {
    std::vector<std::string> heard;
    const auto end = time_ + time;
    while (presence_.next_deadline() && presence_.next_deadline()->time_since_epoch() <= end) {
      time_ = std::max(
          time_, std::chrono::duration_cast<milliseconds>(presence_.next_deadline()->time_since_epoch()));
      collect(heard);
    }
    time_ = end;
    collect(heard);
    return heard;
  }

  void collect(std::vector<std::string>& heard) {
    auto settled = presence_.settle(now());
    for (const auto& update : settled.updates) {
      heard.push_back(update.watcher.str() + "<" + update.peer.str() + (update.presence.online ? "+" : "-"));
      last_ = update;
    }
    for (auto& change : settled.devices) touched_.push_back(std::move(change));
  }

  milliseconds time_{0};
  Presence presence_{kDebounce};
  std::optional<Timestamp> stored_;
  std::optional<Presence::Update> last_;
  std::vector<WriteTransaction::DeviceChange> touched_;
  const Device alice_ = device("alice");
  const Device bob_ = device("bob");
  const Device tablet_ = device("bob", "tablet");
};

TEST_F(PresenceTest, AnswersWithTheStateAsItIs) {
  stored_ = at_ms(5);
  EXPECT_EQ(watch(alice_, bob_.user), (PeerPresence{false, at_ms(5)}));
  online(bob_);
  EXPECT_EQ(watch(alice_, bob_.user), (PeerPresence{true, now().wall}));
}

TEST_F(PresenceTest, AnswersNeverSeenWhenNothingIsStored) {
  EXPECT_EQ(watch(alice_, bob_.user), (PeerPresence{false, std::nullopt}));
}

TEST_F(PresenceTest, TellsWatchersAChangeThatHasStood) {
  watch(alice_, bob_.user);
  online(bob_);
  EXPECT_THAT(pass(kDebounce - milliseconds(1)), IsEmpty());
  EXPECT_THAT(pass(milliseconds(1)), ElementsAre("alice<bob+"));
  EXPECT_THAT(pass(milliseconds(60'000)), IsEmpty());

  offline(bob_);
  const auto left = now().wall;
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob-"));
  EXPECT_EQ(last_->presence.last_seen, left);
}

TEST_F(PresenceTest, DoesNotTellAFlap) {
  online(bob_);
  pass(kDebounce);
  watch(alice_, bob_.user);

  offline(bob_);
  EXPECT_THAT(pass(milliseconds(500)), IsEmpty());
  online(bob_);
  EXPECT_THAT(pass(milliseconds(60'000)), IsEmpty());
}

TEST_F(PresenceTest, TellsAWatcherWhoAskedDuringAFlapTheTruth) {
  online(bob_);
  pass(kDebounce);
  offline(bob_);
  EXPECT_FALSE(watch(alice_, bob_.user)->online);
  pass(milliseconds(500));
  online(bob_);
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob+"));
}

TEST_F(PresenceTest, TellsAChangeAlsoToThoseWhoHaveAskedMeanwhile) {
  watch(alice_, bob_.user);
  online(bob_);
  EXPECT_TRUE(watch(alice_, bob_.user)->online);
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob+"));
}

TEST_F(PresenceTest, TellsTheStateWithinTenSecondsHoweverMuchItFlaps) {
  watch(alice_, bob_.user);
  std::vector<std::string> heard;
  for (int i = 0; i < 10 && heard.empty(); ++i) {
    i % 2 == 0 ? online(bob_) : offline(bob_);
    heard = pass(milliseconds(1600));
  }
  EXPECT_THAT(heard, testing::SizeIs(1));
}

TEST_F(PresenceTest, IsOnlineWhileOneDeviceIs) {
  watch(alice_, bob_.user);
  online(bob_);
  online(tablet_);
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob+"));
  offline(bob_);
  EXPECT_THAT(pass(kDebounce), IsEmpty());
  EXPECT_TRUE(presence_.online(tablet_));
  EXPECT_FALSE(presence_.online(bob_));
  offline(tablet_);
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob-"));
}

TEST_F(PresenceTest, TellsAUserWithTwoWatchingDevicesOnce) {
  watch(bob_, alice_.user);
  watch(tablet_, alice_.user);
  online(alice_);
  EXPECT_THAT(pass(kDebounce), ElementsAre("bob<alice+"));
}

TEST_F(PresenceTest, StopsTellingAWatcherThatWentOffline) {
  online(alice_);
  watch(alice_, bob_.user);
  offline(alice_);
  online(bob_);
  EXPECT_THAT(pass(kDebounce), IsEmpty());
}

TEST_F(PresenceTest, StopsTellingAWatcherThatIsBlocked) {
  watch(alice_, bob_.user);
  watch(device("carol"), bob_.user);
  presence_.apply(BlockUpdate{false, {{bob_.user, alice_.user}}, {}});
  online(bob_);
  EXPECT_THAT(pass(kDebounce), ElementsAre("carol<bob+"));
  EXPECT_EQ(watch(alice_, bob_.user), std::nullopt);
}

TEST_F(PresenceTest, ShowsABlockedPeerToTheBlocker) {
  presence_.apply(BlockUpdate{false, {{alice_.user, bob_.user}}, {}});
  EXPECT_NE(watch(alice_, bob_.user), std::nullopt);
}

TEST_F(PresenceTest, AnswersAgainAfterTheBlockEnds) {
  presence_.apply(BlockUpdate{true, {{bob_.user, alice_.user}}, {}});
  presence_.apply(BlockUpdate{false, {}, {{bob_.user, alice_.user}}});
  EXPECT_NE(watch(alice_, bob_.user), std::nullopt);
}

TEST_F(PresenceTest, StoresWhenADeviceCameAndWent) {
  online(bob_);
  const auto came = now().wall;
  pass(kDebounce);
  ASSERT_EQ(touched_.size(), 1U);
  EXPECT_EQ(touched_[0].device, bob_);
  EXPECT_EQ(touched_[0].last_seen, came);
  EXPECT_EQ(touched_[0].push_platform, std::nullopt);

  offline(bob_);
  const auto went = now().wall;
  pass(kDebounce);
  ASSERT_EQ(touched_.size(), 2U);
  EXPECT_EQ(touched_[1].last_seen, went);
}

TEST_F(PresenceTest, KnowsLastSeenUntilTheDatabaseDoes) {
  online(bob_);
  pass(kDebounce);
  offline(bob_);
  const auto went = now().wall;
  EXPECT_EQ(watch(alice_, bob_.user), (PeerPresence{false, went}));
  pass(milliseconds(30'000));
  EXPECT_EQ(watch(alice_, bob_.user), (PeerPresence{false, went}));
}

TEST_F(PresenceTest, TakesThoseInNoPageOfASnapshotForOffline) {
  watch(alice_, bob_.user);
  online(alice_);
  online(bob_);
  pass(kDebounce);

  snapshot(true, {alice_});

  EXPECT_FALSE(presence_.online(bob_));
  EXPECT_TRUE(presence_.online(alice_));
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob-"));
}

TEST_F(PresenceTest, DoesNotTellWhenTheSnapshotBringsADeviceBack) {
  online(alice_);
  online(bob_);
  watch(alice_, bob_.user);
  pass(kDebounce);

  snapshot(true, {alice_});
  pass(milliseconds(500));
  online(bob_);

  EXPECT_THAT(pass(milliseconds(60'000)), IsEmpty());
}

TEST_F(PresenceTest, WaitsForTheLastPageOfASnapshot) {
  online(bob_);
  std::vector<Device> page;
  for (std::size_t i = 0; i < kServicePage; ++i) page.push_back(device("user" + std::to_string(i)));
  snapshot(true, page);
  EXPECT_TRUE(presence_.online(bob_));
  snapshot(false, {});
  EXPECT_FALSE(presence_.online(bob_));
  EXPECT_TRUE(presence_.online(page.front()));
}

TEST_F(PresenceTest, HearsStatesBetweenThePagesOfASnapshot) {
  std::vector<Device> page;
  for (std::size_t i = 0; i < kServicePage; ++i) page.push_back(device("user" + std::to_string(i)));
  snapshot(true, page);
  offline(page.front());
  online(bob_);
  snapshot(false, {alice_});

  EXPECT_FALSE(presence_.online(page.front()));
  EXPECT_TRUE(presence_.online(page.back()));
  EXPECT_TRUE(presence_.online(bob_));
  EXPECT_TRUE(presence_.online(alice_));
}

TEST_F(PresenceTest, BeginsASnapshotAnewWhenItWasInterrupted) {
  std::vector<Device> page;
  for (std::size_t i = 0; i < kServicePage; ++i) page.push_back(device("user" + std::to_string(i)));
  snapshot(true, page);
  snapshot(true, {bob_});
  EXPECT_FALSE(presence_.online(page.front()));
  EXPECT_TRUE(presence_.online(bob_));
}

TEST_F(PresenceTest, DropsWatchersThatAreInNoSnapshot) {
  watch(alice_, bob_.user);  // never said online
  snapshot(true, {});
  online(bob_);
  EXPECT_THAT(pass(kDebounce), IsEmpty());
}

TEST_F(PresenceTest, TellsWhatWasLostAfterTheNextSnapshot) {
  online(alice_);
  watch(alice_, bob_.user);
  online(bob_);
  ASSERT_THAT(pass(kDebounce), ElementsAre("alice<bob+"));
  presence_.lost({*last_});
  EXPECT_THAT(pass(milliseconds(60'000)), IsEmpty());

  snapshot(true, {alice_, bob_});
  EXPECT_THAT(pass(kDebounce), ElementsAre("alice<bob+"));
}

TEST_F(PresenceTest, IgnoresOfflineOfADeviceItDoesNotKnow) {
  offline(bob_);
  EXPECT_EQ(presence_.next_deadline(), std::nullopt);
}

TEST_F(PresenceTest, ListsTheDevicesThatAreOnline) {
  online(bob_);
  online(tablet_);
  offline(bob_);
  EXPECT_THAT(presence_.online_devices(bob_.user), ElementsAre(tablet_.device));
  EXPECT_THAT(presence_.online_devices(alice_.user), IsEmpty());
}

TEST_F(PresenceTest, ForgetsUsersWhoLeft) {
  online(bob_);
  offline(bob_);
  pass(milliseconds(120'000));
  EXPECT_EQ(presence_.next_deadline(), std::nullopt);
}

}  // namespace
}  // namespace duet
