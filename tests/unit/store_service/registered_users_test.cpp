#include "store_service/registered_users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_service/fixtures.h"

namespace duet {
namespace {

using testing::ElementsAre;

PushEvent message_to(std::string_view to, LogNumber log) {
  return PushMessage{log, user("alice"), user(to), log, message_id("m"), at_ms(1)};
}

class RegisteredUsersTest : public testing::Test {
 protected:
  void put(const std::string& set, std::uint64_t page, std::string_view name) {
    users_.put({{set, page}, {user(name)}});
  }
  // Who is kept of bob, carol and dave; nullopt: the set is not known.
  std::optional<std::vector<std::string>> kept(const std::string& set, std::uint64_t pages) {
    std::vector<PushEvent> events{message_to("bob", 1), message_to("carol", 2), message_to("dave", 3)};
    const auto only = users_.keep_only({set, pages}, events);
    if (!only) {
      EXPECT_EQ(events.size(), 3U);
      return std::nullopt;
    }
    std::vector<std::string> names;
    for (const auto& event : events) names.push_back(std::get<PushMessage>(event).to.str());
    return names;
  }

  RegisteredUsers users_;
};

TEST_F(RegisteredUsersTest, LeaveOutNothingWithoutTheSet) {
  EXPECT_EQ(kept("s", 1), std::nullopt);
  put("s", 1, "bob");
  EXPECT_EQ(kept("another", 1), std::nullopt);
  EXPECT_EQ(kept("s", 2), std::nullopt);
}

TEST_F(RegisteredUsersTest, KeepWhoIsInThePages) {
  put("s", 1, "bob");
  EXPECT_THAT(*kept("s", 1), ElementsAre("bob"));
  put("s", 2, "dave");
  EXPECT_THAT(*kept("s", 2), ElementsAre("bob", "dave"));
  std::vector<PushEvent> none;
  EXPECT_EQ(users_.keep_only({"s", 1}, none), (PushUsersTold{"s", 2}));  // more is known than was asked for
}

TEST_F(RegisteredUsersTest, KeepReceiptsByTheOneWhoGaveThem) {
  put("s", 1, "bob");
  std::vector<PushEvent> events{PushReceipt{1, user("bob"), user("alice"), 1, 0, std::nullopt},
                                PushReceipt{2, user("alice"), user("bob"), 1, 0, std::nullopt}};
  users_.keep_only({"s", 1}, events);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(log_of(events[0]), 1U);
}

TEST_F(RegisteredUsersTest, APageThatDoesNotFollowIsNotTaken) {
  put("s", 1, "bob");
  put("s", 3, "carol");
  EXPECT_EQ(kept("s", 3), std::nullopt);
  put("other", 2, "carol");
  EXPECT_THAT(*kept("s", 1), ElementsAre("bob"));
}

TEST_F(RegisteredUsersTest, ANewSetTakesThePlaceOfTheOldOne) {
  put("s", 1, "bob");
  put("t", 1, "carol");
  EXPECT_EQ(kept("s", 1), std::nullopt);
  EXPECT_THAT(*kept("t", 1), ElementsAre("carol"));
}

TEST_F(RegisteredUsersTest, TooLargeASetIsGivenUp) {
  std::uint64_t page = 0;
  for (std::size_t count = 0; count <= RegisteredUsers::kMaxUsers;) {
    PushUsers users{{"s", ++page}, {}};
    for (std::size_t i = 0; i < kMaxPushUsers; ++i)
      users.users.push_back(user("u" + std::to_string(count++)));
    users_.put(users);
  }
  EXPECT_EQ(kept("s", 1), std::nullopt);
  put("t", 1, "bob");
  EXPECT_THAT(*kept("t", 1), ElementsAre("bob"));
}

}  // namespace
}  // namespace duet
