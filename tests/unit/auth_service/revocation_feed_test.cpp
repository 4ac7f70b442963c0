#include "auth_service/revocation_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const Timestamp kRevokedAt{std::chrono::seconds(1'800'000'000)};

class RevocationFeedTest : public testing::Test {
 protected:
  static UserId user(std::size_t number) { return *UserId::parse("user" + std::to_string(number)); }

  PublishResult take(const Link::Publish& message, std::function<void(bool)> on_done) {
    if (result_ != PublishResult::accepted) return result_;
    EXPECT_EQ(message.topic, "svc/auth/revocations");
    EXPECT_EQ(message.qos, 1);
    const auto update = parse_revocation_update(message.payload);
    EXPECT_TRUE(update);
    if (update->reset) {
      EXPECT_THAT(update->add, IsEmpty());
      ++resets_;
    } else {
      pages_.push_back(update->add);
    }
    on_done_.push_back(std::move(on_done));
    return result_;
  }

  TemporaryDirectory directory_;
  Timestamp now_ = kRevokedAt;
  AuthDatabase database_{directory_.path() / "auth.db", {}, [this] { return now_; }};
  PublishResult result_ = PublishResult::accepted;
  int resets_ = 0;
  std::vector<std::vector<Revocation>> pages_;
  std::vector<std::function<void(bool)>> on_done_;
  RevocationFeed feed_{database_, [this](const Link::Publish& message, std::function<void(bool)> on_done) {
                         return take(message, std::move(on_done));
                       }};
};

TEST_F(RevocationFeedTest, TellsEachAtOnce) {
  const auto one = database_.end_device(user(1), *DeviceId::parse("phone"));
  feed_.revoked(one);
  EXPECT_THAT(pages_, testing::ElementsAre(testing::ElementsAre(one)));
  on_done_[0](true);
  EXPECT_FALSE(feed_.behind());
}

TEST_F(RevocationFeedTest, TellsAllInPages) {
  std::vector<Revocation> all;
  for (std::size_t i = 0; i <= kServicePage; ++i) {
    all.push_back(database_.end_everything(user(i)));
  }
  feed_.tell_all();
  ASSERT_THAT(pages_, SizeIs(2));
  EXPECT_THAT(pages_[0], SizeIs(kServicePage));
  EXPECT_THAT(pages_[1], SizeIs(1));
  pages_[0].insert(pages_[0].end(), pages_[1].begin(), pages_[1].end());
  EXPECT_EQ(pages_[0], all);
}

TEST_F(RevocationFeedTest, SaysNothingWhenThereIsNothing) {
  feed_.tell_all();
  EXPECT_THAT(pages_, IsEmpty());
}

// A login that has ended stays ended when there was no broker to tell.
TEST_F(RevocationFeedTest, WhatDoesNotGetThroughIsToldAgain) {
  const auto one = database_.end_everything(user(1));
  result_ = PublishResult::not_connected;
  feed_.revoked(one);
  EXPECT_TRUE(feed_.behind());
  result_ = PublishResult::accepted;
  feed_.tell_all();
  EXPECT_FALSE(feed_.behind());
  on_done_[0](false);  // refused, or the connection has ended
  EXPECT_TRUE(feed_.behind());
  feed_.tell_all();
  on_done_[1](true);
  EXPECT_FALSE(feed_.behind());
  EXPECT_THAT(pages_, testing::Each(testing::ElementsAre(one)));
  EXPECT_EQ(resets_, 0);
}

// A broker takes the latest `before` that it has heard, unless it is told to forget.
TEST_F(RevocationFeedTest, WhatWasCorrectedIsToldAfterAReset) {
  now_ += std::chrono::hours(24);
  database_.end_everything(user(1));
  feed_.tell_all();
  now_ = kRevokedAt;
  database_.issue_time(user(1));
  EXPECT_TRUE(feed_.behind());
  pages_.clear();
  feed_.tell_all();
  EXPECT_EQ(resets_, 1);
  on_done_[1](false);  // the reset
  on_done_[2](true);
  EXPECT_TRUE(feed_.behind());
  feed_.tell_all();
  on_done_[3](true);
  on_done_[4](true);
  EXPECT_FALSE(feed_.behind());
  feed_.tell_all();
  EXPECT_EQ(resets_, 2);
  const auto before = kRevokedAt + std::chrono::seconds(1);
  EXPECT_THAT(pages_, testing::Each(testing::ElementsAre(testing::Field(&Revocation::before, before))));
}

}  // namespace
}  // namespace duet
