#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "push_bridge/apns_sender.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {
namespace {

using Action = Judgement::Action;
using std::chrono::seconds;

class ApnsAnswerTest : public testing::Test {
 protected:
  ApnsAnswerTest() { restart(); }
  void restart() {
    sender_ = make_apns_sender(
        {"net.example.duet", "TEAM567890", "KEY4567890", push_ec_key(), std::make_shared<MapMemory>()});
  }
  Judgement judged(int status, const std::string& body, int attempt = 1) {
    return sender_->judge(answered(status, body), message_push(), iphone_, attempt, kNow);
  }
  Judgement refused(int status, const std::string& reason, int attempt = 1) {
    return judged(status, R"({"reason":")" + reason + R"("})", attempt);
  }

  const Registration iphone_ = registration_of(ApnsTarget{"00ff", ApnsEnvironment::production});
  std::unique_ptr<Sender> sender_;
};

struct ApnsRow {
  int status;
  const char* reason;
  const char* action;
  bool close_connection = false;
};

// Each row of the table of reasons, in the order of PUSH-FACTS 1.4.
const std::vector<ApnsRow> kApnsRows{
    {400, "BadDeviceToken", "suspect_token"},
    {400, "DeviceTokenNotForTopic", "suspect_token"},
    {400, "TopicDisallowed", "pause"},
    {400, "MissingTopic", "pause"},
    {400, "BadTopic", "pause"},
    {400, "BadCollapseId", "give_up"},
    {400, "BadExpirationDate", "give_up"},
    {400, "BadMessageId", "give_up"},
    {400, "BadPriority", "give_up"},
    {400, "InvalidPushType", "give_up"},
    {400, "DuplicateHeaders", "give_up"},
    {400, "PayloadEmpty", "give_up"},
    {400, "MissingDeviceToken", "give_up"},
    {400, "IdleTimeout", "retry", true},
    {403, "InvalidProviderToken", "pause"},
    {403, "MissingProviderToken", "pause"},
    {403, "Forbidden", "pause"},
    {403, "BadCertificate", "pause"},
    {403, "BadCertificateEnvironment", "pause"},
    {403, "UnrelatedKeyIdInToken", "pause", true},
    {403, "BadEnvironmentKeyIdInToken", "pause"},
    {403, "BadEnvironmentKeyInToken", "pause"},
    {403, "SomethingNew", "pause"},
    {404, "BadPath", "give_up"},
    {405, "MethodNotAllowed", "give_up"},
    {410, "Unregistered", "drop_token"},
    {410, "ExpiredToken", "drop_token"},
    {413, "PayloadTooLarge", "give_up"},
    {429, "TooManyRequests", "retry"},
    {429, "TooManyProviderTokenUpdates", "retry", true},
    {500, "InternalServerError", "retry"},
    {503, "ServiceUnavailable", "retry"},
    {503, "Shutdown", "retry", true},
    {400, "SomethingNew", "retry"},
    {418, "SomethingNew", "retry"},
    {400, "Unregistered", "suspect_token"},  // only a 410 is a 410
};

TEST_F(ApnsAnswerTest, KnowsEveryReason) {
  for (const auto& row : kApnsRows) {
    restart();
    const auto judgement = refused(row.status, row.reason);
    EXPECT_EQ(to_text(judgement.action), row.action) << row.reason;
    EXPECT_EQ(judgement.reason, row.reason);
    EXPECT_EQ(judgement.close_connection, row.close_connection) << row.reason;
    EXPECT_EQ(judgement.after.has_value(), judgement.action == Action::retry) << row.reason;
  }
}

TEST_F(ApnsAnswerTest, UnderstandsAnswersWithoutAReason) {
  for (const auto& body :
       {std::string(), std::string("<html>bad gateway</html>"), std::string("{}"), std::string("[]"),
        std::string(R"({"reason":5})"), std::string(R"({"reason":"a\nb"})"), std::string(100'000, '['),
        R"({"reason":")" + std::string(65, 'x') + R"("})"}) {
    const std::vector<std::pair<int, const char*>> rows{
        {301, "retry"},   {400, "retry"},      {403, "pause"},   {404, "give_up"},
        {405, "give_up"}, {410, "drop_token"}, {413, "give_up"}, {429, "retry"},
        {500, "retry"},   {502, "retry"},      {503, "retry"}};
    for (const auto& [status, action] : rows) {
      restart();
      const auto judgement = judged(status, body);
      EXPECT_EQ(to_text(judgement.action), action) << status << body.substr(0, 50);
      EXPECT_EQ(judgement.reason, "HTTP " + std::to_string(status));
      EXPECT_EQ(judgement.gone_at, std::nullopt);
    }
  }
}

TEST_F(ApnsAnswerTest, IsDoneWith200) {
  const auto judgement = judged(200, "");
  EXPECT_EQ(to_text(judgement.action), "sent");
  EXPECT_FALSE(judgement.close_connection);
}

TEST_F(ApnsAnswerTest, ReadsSinceWhenATokenIsGoneInMilliseconds) {
  const auto gone = judged(410, R"({"reason":"Unregistered","timestamp":1699999999123})");
  EXPECT_EQ(gone.gone_at, Timestamp(std::chrono::milliseconds(1'699'999'999'123)));
  for (const char* timestamp :
       {"-1", "1.5", "\"1699999999123\"", "null", "18446744073709551615", "9007199254740992"}) {
    const auto judgement =
        judged(410, R"({"reason":"Unregistered","timestamp":)" + std::string(timestamp) + "}");
    EXPECT_EQ(to_text(judgement.action), "drop_token") << timestamp;
    EXPECT_EQ(judgement.gone_at, std::nullopt) << timestamp;
  }
  EXPECT_EQ(judged(400, R"({"reason":"BadDeviceToken","timestamp":1699999999123})").gone_at, std::nullopt);
}

TEST_F(ApnsAnswerTest, TriesAgainAfter30Seconds2And15Minutes) {
  const std::vector<seconds> middles{seconds(30), seconds(120), seconds(900), seconds(900), seconds(900)};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    const auto judgement = refused(500, "InternalServerError", attempt);
    ASSERT_EQ(to_text(judgement.action), "retry");
    EXPECT_GE(*judgement.after, middles.at(static_cast<std::size_t>(attempt) - 1) / 2);
    EXPECT_LE(*judgement.after, middles.at(static_cast<std::size_t>(attempt) - 1) * 3 / 2);
  }
}

TEST_F(ApnsAnswerTest, TriesWhatItDoesNotUnderstandThreeTimes) {
  EXPECT_EQ(to_text(refused(400, "SomethingNew", 1).action), "retry");
  EXPECT_EQ(to_text(refused(400, "SomethingNew", 2).action), "retry");
  EXPECT_EQ(to_text(refused(400, "SomethingNew", 3).action), "give_up");
}

TEST_F(ApnsAnswerTest, KnowsWhatIsNoAnswer) {
  const auto judge = [&](PostResult::Kind kind, int attempt) {
    return sender_->judge(unanswered(kind), message_push(), iphone_, attempt, kNow);
  };
  EXPECT_EQ(to_text(judge(PostResult::Kind::untrusted, 1).action), "pause");
  restart();
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 1).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 2).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 3).action), "give_up");
  for (int attempt = 1; attempt < 100; ++attempt) {
    const auto judgement = judge(PostResult::Kind::not_sent, attempt);
    EXPECT_EQ(to_text(judgement.action), "retry");
    EXPECT_LE(*judgement.after, seconds(90));
  }
}

}  // namespace
}  // namespace duet
