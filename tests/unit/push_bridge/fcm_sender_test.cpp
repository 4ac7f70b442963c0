#include "push_bridge/fcm_sender.h"

#include <limits>
#include <map>
#include <vector>

#include "acl/base64url.h"
#include "push_bridge/push_request.h"
#include "push_bridge/retry_schedule.h"
#include "tests/unit/push_bridge/fcm_fixture.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_F(FcmSenderTest, SaysThatThereIsAMessage) {
  grant("ya29.token");
  const auto post = prepared();
  EXPECT_EQ(post.url, "https://fcm.googleapis.com/v1/projects/duet-1a2b3/messages:send");
  EXPECT_EQ(header_of(post, "authorization"), "Bearer ya29.token");
  EXPECT_EQ(header_of(post, "content-type"), "application/json");
  EXPECT_EQ(json::parse(post.body), (json{{"message",
                                           {{"token", kRegistrationToken},
                                            {"data",
                                             {{"kind", "message"},
                                              {"push_id", kPushId},
                                              {"conversation", kHiddenConversation},
                                              {"seq", "7"},
                                              {"badge", "3"}}},
                                            {"android", {{"priority", "HIGH"}, {"ttl", "86400s"}}}}}}));
}

TEST_F(FcmSenderTest, HasSilentAndTestMessages) {
  grant("ya29.token");
  const auto badge = json::parse(prepared(kNow, badge_push()).body).at("message");
  EXPECT_EQ(badge.at("data").at("kind"), "badge");
  EXPECT_EQ(badge.at("android").at("priority"), "NORMAL");
  const auto test = json::parse(prepared(kNow, test_push()).body).at("message");
  EXPECT_EQ(test.at("data"), (json{{"kind", "test"}, {"push_id", kPushId}, {"badge", "3"}}));
  EXPECT_EQ(test.at("android").at("priority"), "HIGH");
}

TEST_F(FcmSenderTest, HasAPreviewForTheAppAlone) {
  grant("ya29.token");
  const auto push = longest_preview_push();
  const auto data_of = [](const HttpPost& post) { return json::parse(post.body).at("message").at("data"); };
  EXPECT_FALSE(data_of(prepared(kNow, push)).contains("preview"));  // that device wants none
  const auto wants = registration_of(FcmTarget{kRegistrationToken, device_keys()});
  const auto post = sender_->prepare(push, wants, kNow).value();
  const std::string preview = data_of(post).at("preview");
  EXPECT_EQ(preview.size(), kSealedPreviewBytes);
  auto shortest = push;
  shortest.preview = {*UserId::parse("a"), ""};
  EXPECT_EQ(data_of(sender_->prepare(shortest, wants, kNow).value()).at("preview").get<std::string>().size(),
            kSealedPreviewBytes)
      << "its length says nothing";
  EXPECT_TRUE(decode_base64url(preview));
  EXPECT_LE(data_of(post).dump().size(), 4096U);
  EXPECT_FALSE(mentions(post, push.preview->from.str()));
  EXPECT_FALSE(mentions(post, kPreviewWord));
  EXPECT_NE(data_of(sender_->prepare(push, wants, kNow).value()).at("preview"), preview);
  for (const auto kind : {Notification::Kind::badge, Notification::Kind::test}) {
    const auto other = longest_preview_push(kind);
    EXPECT_EQ(sender_->prepare(other, wants, kNow).value().body, prepared(kNow, other).body);
  }
}

TEST_F(FcmSenderTest, NamesNobody) {
  grant("ya29.token");
  for (const auto& push : {message_push(), badge_push(), test_push()}) {
    const auto post = prepared(kNow, push);
    for (const char* secret : {"bob-of-the-names", "phone-of-bob", "ya29.token"})
      EXPECT_FALSE(mentions(post, secret));
  }
}

TEST_F(FcmSenderTest, KeepsToGooglesLimits) {
  grant("ya29.token");
  auto push = message_push();
  push.seq = kMaxSeq;
  push.badge = std::numeric_limits<std::uint64_t>::max();
  push.expires_at = kNow + std::chrono::hours(24 * 365);
  const auto message = json::parse(prepared(kNow, push).body).at("message");
  EXPECT_EQ(message.at("android").at("ttl"), "2419200s");
  EXPECT_LE(message.at("data").dump().size(), 4096U);
  for (const auto& [name, value] : message.at("data").items()) {
    EXPECT_TRUE(value.is_string()) << name;
    EXPECT_FALSE(name == "from" || name == "message_type" || name.starts_with("google") ||
                 name.starts_with("gcm"));
  }
  push.expires_at = kNow + std::chrono::milliseconds(1);
  EXPECT_EQ(json::parse(prepared(kNow, push).body).at("message").at("android").at("ttl"), "1s");
}

TEST_F(FcmSenderTest, RefusesWhatIsNoPush) {
  EXPECT_EQ(sender_->prepare(message_push(), android(), kNow).error(), "there is no access token yet");
  grant("ya29.token");
  for (const auto& token : {std::string(), std::string("a b"), std::string("a\nb"), std::string("\xc3\xa4"),
                            std::string(2049, 'x')}) {
    const auto post = sender_->prepare(message_push(), registration_of(FcmTarget{token}), kNow);
    ASSERT_FALSE(post);
    EXPECT_TRUE(token.empty() || post.error().find(token) == std::string::npos);
  }
  auto push = message_push();
  push.expires_at = kNow;
  EXPECT_FALSE(sender_->prepare(push, android(), kNow));
}

struct FcmRow {
  int status;
  std::string body;
  const char* action;
  const char* reason;
};

std::string bad_request() {
  auto body = json::parse(fcm_error("INVALID_ARGUMENT", "INVALID_ARGUMENT",
                                    "The registration token is not a valid FCM registration token"));
  body["error"]["details"].push_back({{"@type", "type.googleapis.com/google.rpc.BadRequest"},
                                      {"fieldViolations", json::array({{{"field", "message.token"}}})}});
  return body.dump();
}

// Each row of the table of errors, in the order of PUSH-FACTS 2.3.
TEST_F(FcmSenderTest, KnowsEveryError) {
  const char* const bad_token = "The registration token is not a valid FCM registration token";
  const std::vector<FcmRow> rows{
      {200, R"({"name":"projects/duet-1a2b3/messages/1"})", "sent", "accepted"},
      {200, "", "sent", "accepted"},
      {400, fcm_error("INVALID_ARGUMENT", "INVALID_ARGUMENT"), "give_up", "INVALID_ARGUMENT"},
      {400, fcm_error("INVALID_ARGUMENT", nullptr, bad_token), "give_up", "INVALID_ARGUMENT"},
      {400, bad_request(), "give_up", "INVALID_ARGUMENT"},
      {400, fcm_error("INVALID_ARGUMENT", "INVALID_ARGUMENT", bad_token), "suspect_token",
       "INVALID_ARGUMENT"},
      {401, fcm_error("UNAUTHENTICATED", nullptr), "remint", "UNAUTHENTICATED"},
      {401, "<html>", "remint", "HTTP 401"},
      {401, fcm_error("UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), "pause", "THIRD_PARTY_AUTH_ERROR"},
      {403, fcm_error("PERMISSION_DENIED", "SENDER_ID_MISMATCH"), "suspect_token", "SENDER_ID_MISMATCH"},
      {403, fcm_error("PERMISSION_DENIED", nullptr), "pause", "PERMISSION_DENIED"},
      {403, "<html>", "pause", "HTTP 403"},
      {404, fcm_error("NOT_FOUND", "UNREGISTERED"), "drop_token", "UNREGISTERED"},
      {404, fcm_error("NOT_FOUND", nullptr), "pause", "NOT_FOUND"},
      {404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", "pause", "HTTP 404"},
      {413, "", "give_up", "HTTP 413"},
      {429, fcm_error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), "retry", "QUOTA_EXCEEDED"},
      {500, fcm_error("INTERNAL", "INTERNAL"), "retry", "INTERNAL"},
      {503, fcm_error("UNAVAILABLE", "UNAVAILABLE"), "retry", "UNAVAILABLE"},
      {502, "<html><title>502 Server Error</title></html>", "retry", "HTTP 502"},
      {504, "", "retry", "HTTP 504"},
      {302, "", "retry", "HTTP 302"},
      {418, "", "retry", "HTTP 418"},
  };
  for (const auto& row : rows) {
    restart();
    grant("ya29.one");
    prepared();
    const auto judgement = judged(row.status, row.body);
    EXPECT_EQ(to_text(judgement.action), row.action) << row.status << row.body;
    EXPECT_EQ(judgement.reason, row.reason) << row.status << row.body;
    EXPECT_EQ(judgement.after.has_value(), judgement.action == Action::retry);
  }
}

TEST_F(FcmSenderTest, UnderstandsWhateverIsAnError) {
  for (const auto& body :
       {std::string(100'000, '['), std::string(R"({"error":null})"), std::string(R"({"error":[]})"),
        std::string(R"({"error":{"status":5,"details":{}}})"),
        std::string(R"({"error":{"details":[1,null,{"@type":2}]}})"),
        std::string("{\"error\":{\"status\":\"\\u0001\"}}"),
        R"({"error":{"status":")" + std::string(65, 'x') + R"("}})"}) {
    EXPECT_EQ(judged(400, body).reason, "HTTP 400") << body.substr(0, 60);
    EXPECT_EQ(to_text(judged(400, body).action), "give_up");
  }
}

TEST_F(FcmSenderTest, AQuotaMayBeTheWholeProjects) {
  EXPECT_TRUE(judged(429, "").of_all);
  EXPECT_TRUE(judged(429, "", 1, {{"retry-after", "20"}}).of_all);
  restart();
  EXPECT_FALSE(judged(503, "").of_all);
}

TEST_F(FcmSenderTest, WaitsAsLongAsGoogleSays) {
  const auto after = [&](int status, const char* value, int attempt = 1) {
    restart();
    return judged(status, "", attempt, {{"retry-after", value}}).after.value();
  };
  EXPECT_GE(after(503, "100"), seconds(100));
  EXPECT_LE(after(503, "100"), seconds(150));
  EXPECT_GE(after(429, "20"), seconds(20));
  EXPECT_LE(after(429, "20"), seconds(30));
  EXPECT_GE(after(503, "Tue, 14 Nov 2023 22:15:20 GMT"), seconds(120));  // kNow is 22:13:20
  EXPECT_GE(after(503, "0"), seconds(10));
  EXPECT_GE(after(503, "soon"), seconds(10));
  EXPECT_GE(after(429, "soon"), seconds(60));
}

TEST_F(FcmSenderTest, GivesUpWithinAboutAnHour) {
  for (const int status : {503, 429}) {
    restart();
    Delay waited{};
    int attempt = 1;
    for (;; ++attempt) {
      const auto judgement = judged(status, "", attempt);
      if (judgement.action == Action::give_up) break;
      ASSERT_EQ(to_text(judgement.action), "retry");
      ASSERT_GE(*judgement.after, status == 429 ? seconds(60) : seconds(10));
      waited += *judgement.after;
      ASSERT_LT(attempt, 20);
    }
    EXPECT_GT(waited, minutes(30));
    EXPECT_LT(waited, minutes(65));
  }
}

TEST_F(FcmSenderTest, KnowsWhatIsNoAnswer) {
  const auto judge = [&](PostResult::Kind kind, int attempt) {
    return sender_->judge(unanswered(kind), message_push(), android(), attempt, kNow);
  };
  EXPECT_EQ(to_text(judge(PostResult::Kind::not_sent, 1).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 2).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 3).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 4).action), "give_up");
  EXPECT_EQ(to_text(judge(PostResult::Kind::untrusted, 5).action), "pause");
}

}  // namespace
}  // namespace duet
