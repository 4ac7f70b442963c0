#include "push_bridge/users_teller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sqlite/transaction.h"
#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using push_test::device;
using push_test::user;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class UsersTellerTest : public testing::Test {
 protected:
  void register_users(std::size_t count) {
    sqlite::Transaction transaction(world_.database.connection());
    for (std::size_t i = 0; i < count; ++i)
      world_.register_phone(device("user" + std::to_string(10'000 + i)));
    transaction.commit();
  }
  UsersTeller::Clock::time_point now() const { return world_.instant().steady; }
  bool work() { return teller_.work(now()); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& page : pages_) {
      for (const auto& one : page.users) all.push_back(one.str());
    }
    return all;
  }
  void connect() {
    teller_.connected(now());
    while (teller_.next_work()) {
      world_.pass(UsersTeller::kPause);
      work();
    }
  }

  push_test::World world_;
  std::vector<PushUsers> pages_;
  UsersTeller teller_{world_.database.registrations(),
                      [this](const PushUsers& users) { pages_.push_back(users); }};
};

TEST_F(UsersTellerTest, TellsNothingWithoutAConnection) {
  world_.register_phone(device("bob"));
  teller_.added(user("bob"));
  EXPECT_FALSE(work());
  EXPECT_THAT(pages_, IsEmpty());
  EXPECT_EQ(teller_.told(), std::nullopt);
}

TEST_F(UsersTellerTest, TellsWhoIsInTheDatabaseOnEveryConnection) {
  world_.register_phone(device("bob"));
  world_.register_phone(device("bob", "tablet"));
  world_.register_phone(device("alice"));
  teller_.connected(now());
  EXPECT_EQ(teller_.told(), std::nullopt);
  EXPECT_TRUE(work());
  EXPECT_THAT(names(), ElementsAre("alice", "bob"));
  const auto first = teller_.told();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->pages, 1U);

  teller_.disconnected();
  EXPECT_EQ(teller_.told(), std::nullopt);
  EXPECT_FALSE(teller_.covers(*first));
  connect();
  EXPECT_THAT(names(), ElementsAre("alice", "bob", "alice", "bob"));
  EXPECT_NE(teller_.told()->set, first->set);
}

TEST_F(UsersTellerTest, AnEmptySetIsOne) {
  connect();
  ASSERT_THAT(pages_, SizeIs(1));
  EXPECT_TRUE(teller_.told());
}

TEST_F(UsersTellerTest, TellsManyInPagesAFewAtATime) {
  constexpr std::size_t kUsers = UsersTeller::kPagesAtOnce * kMaxPushUsers + 1;
  register_users(kUsers);
  teller_.connected(now());
  EXPECT_FALSE(work());
  EXPECT_THAT(pages_, SizeIs(UsersTeller::kPagesAtOnce));
  EXPECT_EQ(teller_.told(), std::nullopt);
  EXPECT_FALSE(work());  // not yet
  ASSERT_EQ(teller_.next_work(), now() + UsersTeller::kPause);
  world_.pass(UsersTeller::kPause);
  EXPECT_TRUE(work());
  EXPECT_THAT(names(), SizeIs(kUsers));
  for (std::size_t i = 0; i < pages_.size(); ++i) EXPECT_EQ(pages_[i].told.pages, i + 1);
  EXPECT_EQ(teller_.told(), pages_.back().told);
}

TEST_F(UsersTellerTest, WhoIsAddedIsCoveredOnceToldAndNotBefore) {
  connect();
  const auto before = *teller_.told();
  EXPECT_TRUE(teller_.covers(before));
  teller_.added(user("bob"));
  EXPECT_FALSE(teller_.covers(before));
  EXPECT_EQ(teller_.told(), std::nullopt);
  EXPECT_TRUE(work());
  EXPECT_EQ(names(), std::vector<std::string>{"bob"});
  EXPECT_FALSE(teller_.covers(before));
  EXPECT_TRUE(teller_.covers(*teller_.told()));
}

TEST_F(UsersTellerTest, TellsAgainWhenTheStoreNeverKeepsToTheSet) {
  world_.register_phone(device("bob"));
  connect();
  const auto before = *teller_.told();
  const auto unkept = [&] {
    for (int i = 0; i < UsersTeller::kAnswersUntilLost; ++i) teller_.answered(false, now());
  };
  unkept();
  EXPECT_EQ(teller_.told(), before);  // not so soon
  world_.pass(UsersTeller::kTellAgainEvery);
  teller_.answered(true, now());
  for (int i = 1; i < UsersTeller::kAnswersUntilLost; ++i) teller_.answered(false, now());
  EXPECT_EQ(teller_.told(), before);
  unkept();
  EXPECT_TRUE(work());
  EXPECT_NE(teller_.told()->set, before.set);
  EXPECT_THAT(names(), ElementsAre("bob", "bob"));
}

}  // namespace
}  // namespace duet
