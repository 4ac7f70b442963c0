#include "auth_service/refresh_token.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using namespace std::chrono_literals;

const Timestamp kRotatedAt{1'000'000s};

Family family_with(const RefreshToken& current) {
  return {.account = 1,
          .user = *UserId::parse("alice"),
          .client = "app",
          .device = std::nullopt,
          .ends = kRotatedAt + 100h,
          .idle_ends = kRotatedAt + 10h,
          .current = current.hash(),
          .previous = {},
          .salt = {},
          .rotated = {}};
}

TEST(RefreshToken, HasOneText) {
  const auto token = RefreshToken::fresh();
  EXPECT_EQ(token.text().size(), 64U);
  const auto parsed = RefreshToken::parse(token.text());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->family(), token.family());
  EXPECT_EQ(parsed->hash(), token.hash());
  EXPECT_NE(RefreshToken::fresh().family(), token.family());
  for (const auto& text :
       {std::string(), token.text().substr(1), token.text() + "AAAA", token.text() + "="}) {
    EXPECT_FALSE(RefreshToken::parse(text)) << text;
  }
}

TEST(RefreshToken, SuccessorTakesTheTokenAndTheSalt) {
  const auto token = RefreshToken::fresh();
  const auto next = token.successor("salt");
  EXPECT_EQ(next.family(), token.family());
  EXPECT_EQ(next.text(), token.successor("salt").text());
  EXPECT_NE(next.text(), token.successor("tlas").text());
  EXPECT_NE(next.text(), token.text());
  EXPECT_NE(next.text(), RefreshToken::fresh().successor("salt").text());
}

TEST(JudgeRefresh, ByTokenClientAndTime) {
  const auto first = RefreshToken::fresh();
  const auto second = first.successor("salt");
  const auto third = second.successor("salt");
  auto family = family_with(second);
  family.previous = first.hash();
  family.salt = "salt";
  family.rotated = kRotatedAt;

  const auto verdict = [&family](const RefreshToken& token, std::chrono::milliseconds later,
                                 std::string_view client = "app") {
    return judge(family, token, client, kRotatedAt + later);
  };
  EXPECT_EQ(verdict(second, 0s), RefreshVerdict::rotate);
  EXPECT_EQ(verdict(second, 10h - 1ms), RefreshVerdict::rotate);
  EXPECT_EQ(verdict(second, 10h), RefreshVerdict::over);
  EXPECT_EQ(verdict(first, 0s), RefreshVerdict::repeat);
  EXPECT_EQ(verdict(first, 10h - 1ms), RefreshVerdict::repeat);  // however late
  EXPECT_EQ(verdict(first, -2h), RefreshVerdict::repeat);        // by a clock that was set back
  EXPECT_EQ(verdict(first, 10h), RefreshVerdict::over);
  EXPECT_EQ(verdict(third, 0s), RefreshVerdict::reused);
  EXPECT_EQ(verdict(second, 0s, "other"), RefreshVerdict::foreign);
  EXPECT_EQ(verdict(first, 1h, "other"), RefreshVerdict::foreign);  // nobody else ends it
  family.ends = kRotatedAt + 1h;
  EXPECT_EQ(verdict(second, 1h), RefreshVerdict::over);
}

TEST(JudgeRefresh, BeforeTheFirstRotationThereIsNoPreviousToken) {
  const auto token = RefreshToken::fresh();
  const auto family = family_with(token);
  EXPECT_EQ(judge(family, token, "app", kRotatedAt), RefreshVerdict::rotate);
  EXPECT_EQ(judge(family, token.successor("salt"), "app", kRotatedAt), RefreshVerdict::reused);
}

}  // namespace
}  // namespace duet
