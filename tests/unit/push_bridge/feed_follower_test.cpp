#include "push_bridge/feed_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;

class FeedFollowerTest : public testing::Test {
 protected:
  FeedFollowerTest() { world_.register_phone(phone_); }

  void keep_asking() { follower_.keep_asking(world_.instant().steady); }
  void apply(const PushFeedPage& page) {
    follower_.apply(page, world_.instant());
    keep_asking();
  }
  // As a new bridge begins.
  void begin(std::uint64_t through = 10) {
    follower_.connected(world_.instant().steady);
    keep_asking();
    apply({.epoch = "e1", .reset = true, .through = through});
    asks_.clear();
  }
  PushEvent message(std::uint64_t log, Seq seq) {
    return PushMessage{log, user("alice"), user("bob"), seq, MessageId::parse("m").value(), world_.now()};
  }
  PushFeedPage page(std::uint64_t after, std::vector<PushEvent> events, bool more = false) {
    const std::size_t count = events.size();
    return {
        .epoch = "e1", .after = after, .through = after + count, .more = more, .events = std::move(events)};
  }
  std::size_t jobs() { return world_.database.jobs().size(); }

  push_test::World world_;
  const Device phone_ = device("bob", "phone");
  // Without the users that are named in it, which a random set is of.
  std::vector<PushFeedAsk> asks_;
  std::vector<std::optional<PushUsersTold>> only_;  // of each ask
  std::vector<PushUsers> told_;
  FeedFollower follower_{world_.database, world_.decision,
                         [this](PushFeedAsk ask) {
                           only_.push_back(std::exchange(ask.only, std::nullopt));
                           asks_.push_back(std::move(ask));
                         },
                         [this](const PushUsers& users) { told_.push_back(users); }};
};

TEST_F(FeedFollowerTest, ANewBridgeBeginsAtThePresentEnd) {
  follower_.connected(world_.instant().steady);
  keep_asking();
  EXPECT_THAT(asks_, testing::ElementsAre(PushFeedAsk{"", 0}));
  apply({.epoch = "e1", .reset = true, .through = 10});
  EXPECT_EQ(asks_.back(), (PushFeedAsk{"e1", 10}));
}

TEST_F(FeedFollowerTest, EachPageIsAppliedOnceAndTheNextIsAskedFor) {
  begin();
  apply(page(10, {message(11, 1)}));
  EXPECT_EQ(jobs(), 1U);
  EXPECT_THAT(asks_, testing::ElementsAre(PushFeedAsk{"e1", 11}));
  world_.database.jobs().clear();
  apply(page(10, {message(11, 1)}));
  EXPECT_EQ(jobs(), 0U);
}

TEST_F(FeedFollowerTest, AResetThatIsRepeatedSkipsNothing) {
  begin(10);
  apply({.epoch = "e1", .reset = true, .through = 15});
  EXPECT_EQ(world_.database.cursor().after, 10U);
}

TEST_F(FeedFollowerTest, ARestoreDropsWhatWasWanted) {
  begin();
  apply(page(10, {message(11, 1)}));
  apply({.epoch = "e2", .reset = true, .through = 5});
  EXPECT_EQ(jobs(), 0U);
  EXPECT_EQ(asks_.back(), (PushFeedAsk{"e2", 5}));
  apply(page(5, {message(6, 1)}));  // of the old epoch
  EXPECT_EQ(jobs(), 0U);
}

TEST_F(FeedFollowerTest, AsksTheSameAgainEverySecondAndAfterAConnect) {
  begin();
  asks_.clear();
  world_.pass(999ms);
  keep_asking();
  EXPECT_THAT(asks_, testing::IsEmpty());
  world_.pass(1ms);
  keep_asking();
  EXPECT_THAT(asks_, testing::ElementsAre(PushFeedAsk{"e1", 10}));
  follower_.disconnected();
  world_.pass(5s);
  keep_asking();
  EXPECT_EQ(asks_.size(), 1U);
  follower_.connected(world_.instant().steady);
  keep_asking();
  EXPECT_EQ(asks_.size(), 2U);
}

TEST_F(FeedFollowerTest, IsCaughtUpWhenTheStoreHasNothingMoreOrIsQuietForASecond) {
  const auto caught_up = [this] { return follower_.caught_up(world_.instant().steady); };
  EXPECT_FALSE(caught_up());
  follower_.connected(world_.instant().steady);
  keep_asking();
  EXPECT_FALSE(caught_up());
  apply({.epoch = "e1", .reset = true, .through = 10});
  EXPECT_TRUE(caught_up());
  apply(page(10, {message(11, 1)}, true));
  EXPECT_FALSE(caught_up());
  apply(page(11, {message(12, 2)}));
  EXPECT_TRUE(caught_up());
  follower_.disconnected();
  EXPECT_FALSE(caught_up());
  follower_.connected(world_.instant().steady);
  keep_asking();
  world_.pass(1s);
  EXPECT_TRUE(caught_up());
}

TEST_F(FeedFollowerTest, AsksToBeSparedWhatConcernsNobodyWhoIsRegistered) {
  begin();
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_THAT(told_[0].users, testing::ElementsAre(user("bob")));
  EXPECT_EQ(only_.back(), told_[0].told);
}

// The store looked before it knew of the new user, whose messages it may have left out.
TEST_F(FeedFollowerTest, APageThatMayLeaveOutWhoHasRegisteredSinceIsReadAgainWhole) {
  begin();
  auto stale = page(10, {message(11, 1)});
  stale.only = only_.back();
  follower_.registered(user("carol"));
  apply(stale);
  EXPECT_EQ(jobs(), 0U);
  EXPECT_EQ(world_.database.cursor().after, 10U);
  EXPECT_EQ(told_.back().users, std::vector<UserId>{user("carol")});
  EXPECT_EQ(asks_.back(), (PushFeedAsk{"e1", 10}));
  EXPECT_EQ(only_.back(), std::nullopt);

  apply(page(10, {message(11, 1)}));
  EXPECT_EQ(jobs(), 1U);
  EXPECT_EQ(only_.back(), told_.back().told);
  auto fresh = page(11, {message(12, 2)});
  fresh.only = only_.back();
  apply(fresh);
  EXPECT_EQ(world_.database.cursor().after, 12U);
}

TEST_F(FeedFollowerTest, ANewUserIsToldAtOnceAndAskedWith) {
  begin();
  const auto asked = asks_.size();
  follower_.registered(user("carol"));
  ASSERT_LE(follower_.next_ask(), world_.instant().steady);
  keep_asking();
  EXPECT_EQ(asks_.size(), asked + 1);
  EXPECT_EQ(only_.back(), told_.back().told);
  EXPECT_EQ(told_.back().told.pages, 2U);
}

TEST_F(FeedFollowerTest, TellsItsUsersAgainToAStoreThatHasForgottenThem) {
  begin();
  const auto told = told_.size();
  world_.pass(UsersTeller::kTellAgainEvery);
  std::uint64_t n = 10;
  for (; n < 10 + UsersTeller::kAnswersUntilLost; ++n) {
    EXPECT_EQ(told_.size(), told);
    apply(page(n, {message(n + 1, n)}));
  }
  ASSERT_EQ(told_.size(), told + 1);
  EXPECT_THAT(told_.back().users, testing::ElementsAre(user("bob")));
  EXPECT_EQ(only_.back(), told_.back().told);
}

TEST_F(FeedFollowerTest, HoldsNothingBackForEverWhenThereIsAlwaysMore) {
  const auto caught_up = [this] { return follower_.caught_up(world_.instant().steady); };
  follower_.connected(world_.instant().steady);
  keep_asking();
  apply({.epoch = "e1", .reset = true, .through = 10});
  for (std::uint64_t n = 10; n < 70; ++n) {
    apply(page(n, {message(n + 1, n)}, true));
    EXPECT_FALSE(caught_up()) << n;
    world_.pass(1s);
  }
  EXPECT_TRUE(caught_up());
  apply(page(70, {message(71, 70)}));
  apply(page(71, {message(72, 71)}, true));
  EXPECT_FALSE(caught_up());  // behind anew
}

}  // namespace
}  // namespace duet
