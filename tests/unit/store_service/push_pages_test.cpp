// What an ask of push is answered with when it names the users that push has to hear of.
#include "store_service/push_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/store_service/database.h"

namespace duet {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const PushUsersTold kTold{"s", 1};

class PushPagesTest : public testing::Test {
 protected:
  PushPagesTest() { users_.put({kTold, {user("bob")}}); }

  std::optional<PushFeedPage> answer(LogNumber after, std::optional<PushUsersTold> only = kTold) {
    return pages_.answer({store_.database.epoch(), after, std::move(only)});
  }
  void message_to(std::string_view name) {
    store_.store_message("alice", name, "m" + std::to_string(++messages_));
  }
  void messages_to(std::string_view name, LogNumber count) {
    std::vector<Record> records;
    for (LogNumber i = 0; i < count; ++i)
      records.push_back(message_record(0, "alice", name, R"({"body":"x"})"));
    store_.store(std::move(records));
  }

  TemporaryStore store_;
  int messages_ = 0;
  RegisteredUsers users_;
  std::unique_ptr<StoreReader> reader_ = store_.database.reader();
  PushPages pages_{store_.database.epoch(), *reader_, users_};
};

TEST_F(PushPagesTest, TellNothingOfWhoHasNoRegistration) {
  message_to("carol");
  EXPECT_EQ(answer(0), std::nullopt);
  message_to("bob");
  message_to("carol");
  const auto page = answer(0);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->after, 0U);
  EXPECT_EQ(page->through, 3U);
  ASSERT_THAT(page->events, SizeIs(1));
  EXPECT_EQ(log_of(page->events[0]), 2U);
  EXPECT_EQ(page->only, kTold);
  EXPECT_EQ(answer(3), std::nullopt);
}

TEST_F(PushPagesTest, TellEverythingToWhoDoesNotAskToBeSpared) {
  message_to("carol");
  EXPECT_EQ(answer(0), std::nullopt);
  const auto page = answer(0, std::nullopt);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->events, SizeIs(1));
  EXPECT_EQ(page->only, std::nullopt);
}

TEST_F(PushPagesTest, TellEverythingWhileTheSetIsNotKnownAsAWhole) {
  message_to("carol");
  const auto page = answer(0, PushUsersTold{"s", 2});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->events, SizeIs(1));
  EXPECT_EQ(page->only, std::nullopt);
}

TEST_F(PushPagesTest, AreEmptyNowAndThenSoThatThePlaceMovesOn) {
  messages_to("carol", PushPages::kSparedAtMost - 1);
  EXPECT_EQ(answer(0), std::nullopt);
  message_to("carol");
  const auto page = answer(0);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->events, IsEmpty());
  EXPECT_EQ(page->through, PushPages::kSparedAtMost);
  EXPECT_EQ(page->only, kTold);
}

TEST_F(PushPagesTest, FollowOneAnotherThroughALongLog) {
  messages_to("carol", 2 * kPushFeedEvents);
  message_to("bob");
  std::size_t events = 0;
  LogNumber after = 0;
  for (int count = 0; count < 3; ++count) {
    const auto page = answer(after);
    ASSERT_TRUE(page);
    events += page->events.size();
    after = page->through;
    EXPECT_EQ(page->more, after <= 2 * kPushFeedEvents);
  }
  EXPECT_EQ(after, 2 * kPushFeedEvents + 1);
  EXPECT_EQ(events, 1U);
}

// The bridge sees by it that carol's first message may have been left out.
TEST_F(PushPagesTest, SayTheLeastThatWasKnownInAnyOfTheirLooks) {
  message_to("carol");
  EXPECT_EQ(answer(0), std::nullopt);
  users_.put({{"s", 2}, {user("carol")}});
  message_to("carol");
  const auto page = answer(0);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->events, SizeIs(1));
  EXPECT_EQ(page->only, kTold);
}

TEST_F(PushPagesTest, ANewAskBeginsAtItsPlace) {
  message_to("carol");
  EXPECT_EQ(answer(0), std::nullopt);
  users_.put({{"s", 2}, {user("carol")}});
  const auto page = answer(0, PushUsersTold{"s", 2});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->events, SizeIs(1));
  EXPECT_EQ(page->only, (PushUsersTold{"s", 2}));
}

}  // namespace
}  // namespace duet
