#include "protocol/push_payload.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace duet {
namespace {

const UserId kLongUser = UserId::parse(std::string(UserId::kMaxBytes, 'u')).value();

PushMessage longest_message(std::uint64_t log) {
  return {log,
          kLongUser,
          kLongUser,
          kMaxSeq,
          *MessageId::parse(std::string(MessageId::kMaxBytes, 'm')),
          Timestamp(std::chrono::milliseconds(kMaxSeq))};
}

// The store fills a page by this sum.
TEST(PushFeedPage, IsNoLongerThanItsEventsSay) {
  PushFeedPage page{.epoch = "0123456789abcdef", .after = 1, .through = kMaxSeq};
  const auto empty = format_push_feed_page(page).size();
  page.events = {longest_message(4),
                 PushReceipt{kMaxSeq, kLongUser, kLongUser, kMaxSeq, kMaxSeq, *DeviceId::parse("phone")}};
  const auto size = format_push_feed_page(page).size() - empty;
  std::size_t sum = 0;
  for (const auto& event : page.events) sum += max_size_on_page(event);
  EXPECT_LE(size, sum);
  EXPECT_GE(size, sum - page.events.size() * 32);  // nor much more
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), page);
}

TEST(PushFeedPage, HasNoMoreEventsThanItsBound) {
  PushFeedPage page{.epoch = "e", .through = kPushFeedEvents + 1};
  for (std::uint64_t log = 1; log <= kPushFeedEvents; ++log) page.events.emplace_back(longest_message(log));
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), page);
  page.events.emplace_back(longest_message(kPushFeedEvents + 1));
  EXPECT_EQ(parse_push_feed_page(format_push_feed_page(page)), std::nullopt);
}

TEST(PushCheck, FitsAPacketAndHasNoMorePairsThanItsBound) {
  PushCheck check{std::string(kMaxCheckRequestBytes, 'r'), {}};
  check.of.assign(kMaxPushChecks, {kLongUser, kLongUser});
  EXPECT_LE(format_push_check(check).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_push_check(format_push_check(check)), check);
  check.of.push_back(check.of.front());
  EXPECT_EQ(parse_push_check(format_push_check(check)), std::nullopt);
}

TEST(PushCheckAnswer, FitsAPacketAndHasNoMoreAnswersThanItsBound) {
  PushCheckAnswer answer{"r", {}};
  answer.of.assign(kMaxPushChecks, PushCheckAnswer::Standing{kMaxSeq, kMaxSeq, false, false, kMaxSeq});
  EXPECT_LE(format_push_check_answer(answer).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_push_check_answer(format_push_check_answer(answer)), answer);
  answer.of.emplace_back(std::nullopt);
  EXPECT_EQ(parse_push_check_answer(format_push_check_answer(answer)), std::nullopt);
}

// As deep as a packet of the broker can be: no parser may go down by recursion.
TEST(PushPayloads, RefuseOrPassOverDeepNesting) {
  constexpr std::size_t kDepth = std::size_t{100} * 1024;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_EQ(parse_push_feed_ask(R"({"epoch":"e","after":1,"x":)" + deep + "}"), (PushFeedAsk{"e", 1}));
  EXPECT_EQ(parse_push_feed_page(R"({"epoch":"e","after":1,"through":2,"more":false,"events":)" + deep + "}"),
            std::nullopt);
  EXPECT_EQ(parse_push_check(R"({"req":"r","of":)" + deep + "}"), std::nullopt);
  EXPECT_EQ(parse_push_check_answer(R"({"req":"r","of":)" + deep + "}"), std::nullopt);
}

}  // namespace
}  // namespace duet
