#include "push_bridge/retry_schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <utility>

#include "push_bridge/http_date.h"
#include "push_bridge/judging.h"
#include "push_bridge/push_memory.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {
namespace {

using std::chrono::seconds;

// Whether every delay of many draws is of [low, high], and they are not all the same.
void expect_spread(const std::function<std::optional<Delay>(Jitter&)>& draw, Delay low, Delay high) {
  Jitter jitter(4711);
  Delay least = Delay::max();
  Delay most = Delay::min();
  for (int i = 0; i < 500; ++i) {
    const auto delay = draw(jitter);
    ASSERT_TRUE(delay);
    least = std::min(least, *delay);
    most = std::max(most, *delay);
  }
  EXPECT_GE(least, low);
  EXPECT_LE(most, high);
  EXPECT_LT(least, low + (high - low) / 10);
  EXPECT_GT(most, high - (high - low) / 10);
}

TEST(RetrySchedule, SpreadsBothWaysUnlessTheServiceNamesALeastDelay) {
  expect_spread([](Jitter& jitter) { return delay_when_not_sent(1, jitter); }, Delay(300), Delay(900));
  expect_spread([](Jitter& jitter) { return delay_when_not_sent(3, jitter); }, Delay(1200), Delay(3600));
  expect_spread([](Jitter& jitter) { return delay_when_not_sent(1000, jitter); }, seconds(30), seconds(90));
  expect_spread([](Jitter& jitter) { return delay_when_unknown(1, jitter); }, seconds(1), seconds(3));
  expect_spread([](Jitter& jitter) { return delay_when_unknown(2, jitter); }, seconds(5), seconds(15));
  expect_spread([](Jitter& jitter) { return delay_of_server_error(1, jitter); }, seconds(10), seconds(15));
  expect_spread([](Jitter& jitter) { return delay_of_server_error(4, jitter); }, seconds(80), seconds(120));
  expect_spread([](Jitter& jitter) { return delay_of_too_many(1, jitter); }, seconds(60), seconds(90));
  expect_spread([](Jitter& jitter) { return delay_of_too_many(3, jitter); }, seconds(240), seconds(360));
  expect_spread([](Jitter& jitter) { return delay_when_not_understood(1, jitter); }, seconds(15),
                seconds(45));
  static constexpr std::array<seconds, 2> kSteps{seconds(30), seconds(900)};
  expect_spread([](Jitter& jitter) { return delay_of_steps(kSteps, 1, jitter); }, seconds(15), seconds(45));
  expect_spread([](Jitter& jitter) { return delay_of_steps(kSteps, 9, jitter); }, seconds(450),
                seconds(1350));
}

// The number of retries, and how long they take together.
std::pair<int, Delay> whole(std::optional<Delay> (*delay_of)(int, Jitter&)) {
  Jitter jitter(1);
  Delay sum{};
  int times = 0;
  while (const auto delay = delay_of(times + 1, jitter)) {
    sum += *delay;
    if (++times == 1000) break;
  }
  return {times, sum};
}

TEST(RetrySchedule, Ends) {
  EXPECT_EQ(whole(delay_when_unknown).first, 2);
  EXPECT_EQ(whole(delay_when_not_understood).first, 2);
  const auto [errors, error_time] = whole(delay_of_server_error);
  EXPECT_EQ(errors, 8);
  EXPECT_GT(error_time, std::chrono::minutes(42));
  EXPECT_LT(error_time, std::chrono::minutes(64));
  const auto [refusals, refusal_time] = whole(delay_of_too_many);
  EXPECT_EQ(refusals, 5);
  EXPECT_GT(refusal_time, std::chrono::minutes(31));
  EXPECT_LT(refusal_time, std::chrono::minutes(47));
  EXPECT_EQ(whole(delay_when_not_sent).first, 1000);
}

TEST(RetrySchedule, IsDecidedByTheSeed) {
  Jitter one(7);
  Jitter same(7);
  Jitter other(8);
  const auto first = delay_of_server_error(5, one);
  EXPECT_EQ(first, delay_of_server_error(5, same));
  EXPECT_NE(first, delay_of_server_error(5, other));
}

constexpr Timestamp kDate{std::chrono::seconds(784'111'777)};  // 1994-11-06T08:49:37Z

TEST(HttpDate, IsReadInThreeForms) {
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_http_date(text), kDate) << text;
  }
  EXPECT_EQ(parse_http_date("Sun Nov 16 08:49:37 1994"), kDate + std::chrono::days(10));
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Timestamp(seconds(1'709'164'800)));
  EXPECT_EQ(parse_http_date("Wednesday, 01-Jan-69 00:00:00 GMT"), Timestamp(seconds(3'124'224'000)));
}

TEST(HttpDate, IsNothingElse) {
  for (const char* text :
       {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", "1994-11-06T08:49:37Z", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("0", kNow), Delay(0));
  EXPECT_EQ(parse_retry_after("120", kNow), seconds(120));
  EXPECT_EQ(parse_retry_after("86400", kNow), seconds(86'400));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", kDate - seconds(90)), seconds(90));
  // What is over is over.
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", kDate + seconds(90)), Delay(0));
}

TEST(RetryAfter, IsAtMostADay) {
  for (const char* text : {"86401", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    EXPECT_EQ(parse_retry_after(text, kNow), std::chrono::hours(24)) << text;
  }
}

TEST(RetryAfter, IsNothingElse) {
  for (const char* text : {"", " ", "-1", "+5", "1.5", "5 ", "0x10", "soon"}) {
    EXPECT_EQ(parse_retry_after(text, kNow), std::nullopt) << text;
  }
}

TEST(PushMemory, ForgetsTheOldest) {
  PushMemory<int> memory;
  constexpr int kMost = static_cast<int>(PushMemory<int>::kMostPushes);
  for (int i = 0; i < kMost; ++i) memory.of(std::to_string(i)) = i;
  // Taken and noted again: it has the place of its second coming.
  EXPECT_EQ(memory.take("0"), 0);
  EXPECT_EQ(memory.take("0"), std::nullopt);
  memory.of("0") = 42;
  memory.of("new") = 43;
  EXPECT_EQ(memory.take("1"), std::nullopt);
  EXPECT_EQ(memory.take("2"), 2);
  EXPECT_EQ(memory.take("0"), 42);
  for (int i = 0; i < 3 * kMost; ++i) memory.of("more" + std::to_string(i)) = i;
  EXPECT_EQ(memory.size(), PushMemory<int>::kMostPushes);
}

TEST(Failures, AreCountedByTheirCause) {
  Failures failures;
  EXPECT_EQ(failures.note("a", Cause::not_sent, 1), 1);
  EXPECT_EQ(failures.note("a", Cause::not_sent, 2), 2);
  EXPECT_EQ(failures.note("a", Cause::unknown, 3), 1);
  EXPECT_EQ(failures.note("a", Cause::unknown, 4), 2);
  EXPECT_EQ(failures.note("a", Cause::not_sent, 5), 3);
  // Another push; and one whose first attempts nobody remembers.
  EXPECT_EQ(failures.note("b", Cause::unknown, 1), 1);
  EXPECT_EQ(failures.note("c", Cause::unknown, 3), 3);
  failures.forget("a");
  EXPECT_EQ(failures.note("a", Cause::unknown, 1), 1);
}

// An hour without a network does not use up what a push may try once there is one again.
TEST(RetryJudge, KeepsTryingAfterTheServiceWasUnreachable) {
  RetryJudge retries(1);
  const auto push = message_push();
  int attempt = 1;
  for (; attempt <= 60; ++attempt) {
    const auto judged = retries.judge_unanswered(unanswered(PostResult::Kind::not_sent), push, attempt);
    ASSERT_EQ(judged->action, Judgement::Action::retry);
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(retries.retry(push, Cause::server_error, "HTTP 502", attempt++).action,
              Judgement::Action::retry);
  }
  EXPECT_EQ(retries.retry(push, Cause::server_error, "HTTP 502", attempt).action, Judgement::Action::give_up);
}

TEST(Reason, IsShortAndOfLetters) {
  EXPECT_TRUE(is_reason("BadDeviceToken"));
  EXPECT_TRUE(is_reason(std::string(64, 'x')));
  for (const auto& word : {std::string(), std::string(65, 'x'), std::string("a\nb"), std::string("\xc3\xa4"),
                           std::string("a b"), std::string("00c0ffee")}) {
    EXPECT_FALSE(is_reason(word)) << word;
  }
}

}  // namespace
}  // namespace duet
