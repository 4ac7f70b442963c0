// The access token that pushes to FCM carry: asked for, renewed, refused.

#include <map>
#include <stdexcept>
#include <vector>

#include "push_bridge/retry_schedule.h"
#include "tests/unit/push_bridge/fcm_fixture.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;
using std::chrono::minutes;
using std::chrono::seconds;

// The assertion of a grant.
Jwt assertion_of(const HttpPost& post) {
  const std::string start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  EXPECT_TRUE(post.body.starts_with(start));
  return verified_jwt(post.body.substr(start.size()), push_rsa_key());
}

TEST_F(FcmSenderTest, AsksGoogleForAToken) {
  const auto post = sender_->credentials_request(kNow);
  ASSERT_TRUE(post);
  EXPECT_EQ(post->url, kTokenUri);
  EXPECT_EQ(header_of(*post, "content-type"), "application/x-www-form-urlencoded");
  const auto jwt = assertion_of(*post);
  EXPECT_EQ(jwt.header, (json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "0123abcd"}}));
  EXPECT_EQ(jwt.claims, (json{{"iss", "push@duet-1a2b3.iam.gserviceaccount.com"},
                              {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
                              {"aud", kTokenUri},
                              {"iat", 1'700'000'000},
                              {"exp", 1'700'003'600}}));
}

TEST_F(FcmSenderTest, AsksForOneTokenAtATime) {
  EXPECT_TRUE(sender_->credentials_request(kNow));
  EXPECT_FALSE(sender_->credentials_request(kNow));
  EXPECT_FALSE(sender_->credentials_request(kNow + minutes(1)));
  sender_->take_credentials(answered(200, granted("ya29.one")), kNow);
  EXPECT_FALSE(sender_->credentials_request(kNow));
}

TEST_F(FcmSenderTest, RefreshesItsTokenBeforeTheEnd) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    restart(seed);
    grant("ya29.one");
    seconds age{0};
    while (!sender_->credentials_request(kNow + age)) age += seconds(1);
    EXPECT_GE(age, seconds(3599) * 80 / 100);
    EXPECT_LE(age, seconds(3599) * 90 / 100 + seconds(1));
    EXPECT_EQ(bearer(kNow + age), "Bearer ya29.one");  // meanwhile
    sender_->take_credentials(answered(200, granted("ya29.two")), kNow + age);
    EXPECT_EQ(bearer(kNow + age), "Bearer ya29.two");
  }
}

TEST_F(FcmSenderTest, KeepsTheOldTokenWhileThereIsNoNewOne) {
  grant("ya29.one");
  const auto late = kNow + seconds(3400);
  ASSERT_TRUE(sender_->credentials_request(late));
  const auto failed = sender_->take_credentials(answered(503, "<html>"), late);
  EXPECT_EQ(to_text(failed.action), "retry");
  // Not at once, as pushes can be sent.
  EXPECT_FALSE(sender_->credentials_request(late));
  EXPECT_EQ(bearer(late), "Bearer ya29.one");
  EXPECT_TRUE(sender_->credentials_request(late + *failed.after));
  sender_->take_credentials(answered(503, ""), late + *failed.after);
  // At once, as they cannot.
  EXPECT_TRUE(sender_->credentials_request(kNow + seconds(3599)));
}

TEST_F(FcmSenderTest, KnowsWhyThereIsNoToken) {
  struct Row {
    PostResult answer;
    const char* action;
    const char* reason;
  };
  const std::vector<Row> rows{
      {answered(400, R"({"error":"invalid_grant","error_description":"Invalid JWT: iat and exp"})"), "pause",
       "invalid_grant"},
      {answered(401, R"({"error":"invalid_client"})"), "pause", "invalid_client"},
      {answered(403, "<html>"), "pause", "HTTP 403"},
      {answered(404, ""), "pause", "HTTP 404"},
      {answered(429, ""), "retry", "HTTP 429"},
      {answered(500, R"({"error":"internal_failure"})"), "retry", "internal_failure"},
      {answered(200, "<html>"), "retry", "no access token in the answer"},
      {answered(200, granted("with\nline")), "retry", "no access token in the answer"},
      {answered(200, granted("ya29", 0)), "retry", "no access token in the answer"},
      {answered(200, granted("ya29", 86'401)), "retry", "no access token in the answer"},
      {answered(200, R"({"access_token":"ya29","expires_in":60,"token_type":"MAC"})"), "retry",
       "no access token in the answer"},
      {answered(200, R"({"expires_in":60,"token_type":"Bearer"})"), "retry", "no access token in the answer"},
      {unanswered(PostResult::Kind::not_sent), "retry", "not sent"},
      {unanswered(PostResult::Kind::unknown), "retry", "unknown outcome"},
      {unanswered(PostResult::Kind::untrusted), "pause", "untrusted"},
  };
  for (const auto& row : rows) {
    restart();
    ASSERT_TRUE(sender_->credentials_request(kNow));
    const auto judgement = sender_->take_credentials(row.answer, kNow);
    EXPECT_EQ(to_text(judgement.action), row.action) << row.reason;
    EXPECT_EQ(judgement.reason, row.reason);
    EXPECT_EQ(judgement.after.has_value(), judgement.action == Action::retry);
    EXPECT_TRUE(sender_->credentials_request(kNow)) << "there is still no token";
  }
}

TEST_F(FcmSenderTest, AsksForATokenLessAndLessOften) {
  Delay last{};
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(sender_->credentials_request(kNow));
    last = sender_->take_credentials(unanswered(PostResult::Kind::not_sent), kNow).after.value();
    EXPECT_GE(last, Delay(500));
    EXPECT_LE(last, seconds(90));
  }
  EXPECT_GE(last, seconds(30));
}

TEST_F(FcmSenderTest, WaitsForATokenAsLongAsItIsTold) {
  const auto wait_after = [this](int status, std::map<std::string, std::string> headers) {
    restart();
    sender_->credentials_request(kNow);
    auto answer = answered(status, "");
    answer.headers = std::move(headers);
    return sender_->take_credentials(answer, kNow).after.value();
  };
  EXPECT_GE(wait_after(503, {}), seconds(10));
  EXPECT_LE(wait_after(503, {}), seconds(15));
  EXPECT_GE(wait_after(503, {{"retry-after", "1"}}), seconds(10));
  EXPECT_GE(wait_after(503, {{"retry-after", "100"}}), seconds(100));
  EXPECT_GE(wait_after(429, {}), seconds(60));
  EXPECT_LE(wait_after(429, {{"retry-after", "20"}}), seconds(30));
}

TEST_F(FcmSenderTest, RemintsARefusedTokenOnce) {
  const auto expired = fcm_error("UNAUTHENTICATED", nullptr);
  grant("ya29.one");
  prepared();
  const auto judgement = judged(401, expired);
  EXPECT_EQ(to_text(judgement.action), "remint");
  EXPECT_EQ(judgement.reason, "UNAUTHENTICATED");
  grant("ya29.two");
  prepared();
  EXPECT_EQ(to_text(judged(401, expired, 2).action), "pause");
  // The probe has a new one, and its success is the end of that.
  grant("ya29.three");
  prepared();
  EXPECT_EQ(to_text(judged(200, "{}", 3).action), "sent");
  prepared();
  EXPECT_EQ(to_text(judged(401, expired).action), "remint");
}

TEST_F(FcmSenderTest, RemintsOnceForAllOnTheirWay) {
  const auto expired = answered(401, fcm_error("UNAUTHENTICATED", nullptr));
  auto other = message_push();
  other.id.back() = '0';
  grant("ya29.one");
  prepared();
  prepared(kNow, other);
  auto third = message_push();
  third.id.back() = '1';
  prepared(kNow, third);
  EXPECT_EQ(to_text(sender_->judge(expired, message_push(), android(), 1, kNow).action), "remint");
  EXPECT_EQ(to_text(sender_->judge(expired, third, android(), 1, kNow).action), "remint");
  grant("ya29.two");
  EXPECT_EQ(to_text(sender_->judge(expired, other, android(), 1, kNow).action), "remint");
  EXPECT_FALSE(sender_->credentials_request(kNow));
  EXPECT_EQ(bearer(), "Bearer ya29.two");
}

TEST(MakeFcmSender, RefusesAnotherKey) {
  auto account = service_account();
  account.private_key = push_ec_key();
  EXPECT_THROW(make_fcm_sender({.account = account}), std::invalid_argument);
}

}  // namespace
}  // namespace duet
