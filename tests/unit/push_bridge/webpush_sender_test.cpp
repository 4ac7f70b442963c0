#include "push_bridge/webpush_sender.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "acl/base64url.h"
#include "acl/public_key.h"
#include "push_bridge/vapid.h"
#include "push_bridge/webpush_endpoint.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const std::string kEndpoint = "https://fcm.googleapis.com/fcm/send/fKq:secret_path";

Registration browser(const std::string& endpoint = kEndpoint) {
  return registration_of(WebPushTarget{endpoint, device_keys()});
}

WebPushOptions webpush_options() {
  return {.subject = "mailto:ops@example.net", .key = push_ec_key(), .seed = 1};
}

class WebPushSenderTest : public testing::Test {
 protected:
  HttpPost prepared(const Notification& push = message_push(), Timestamp now = kNow,
                    const std::string& endpoint = kEndpoint) {
    return sender_->prepare(push, browser(endpoint), now).value();
  }
  Judgement judged(int status, int attempt = 1, std::map<std::string, std::string> headers = {}) {
    return sender_->judge(answered(status, "what it says", std::move(headers)), message_push(), browser(),
                          attempt, kNow);
  }
  void restart() { sender_ = make_webpush_sender(webpush_options()); }

  std::unique_ptr<Sender> sender_ = make_webpush_sender(webpush_options());
};

TEST_F(WebPushSenderTest, SendsAnEncryptedMessage) {
  const auto post = prepared();
  EXPECT_EQ(post.url, kEndpoint);
  EXPECT_EQ(header_of(post, "content-encoding"), "aes128gcm");
  EXPECT_EQ(header_of(post, "ttl"), "86400");
  EXPECT_EQ(header_of(post, "urgency"), "high");
  EXPECT_EQ(header_of(post, "topic"), kHiddenConversation);
  EXPECT_EQ(post.body.substr(16, 5), std::string("\0\0\x10\0\x41", 5));
  EXPECT_NE(post.body, prepared().body);
}

TEST_F(WebPushSenderTest, SaysWhoseItIs) {
  const auto value = header_of(prepared(), "authorization");
  ASSERT_TRUE(value.starts_with("vapid t="));
  const auto comma = value.find(", k=");
  ASSERT_NE(comma, std::string::npos);
  const auto jwt = verified_jwt(value.substr(8, comma - 8), push_ec_key());
  EXPECT_EQ(jwt.header, (json{{"typ", "JWT"}, {"alg", "ES256"}}));
  EXPECT_EQ(jwt.claims, (json{{"aud", "https://fcm.googleapis.com"},
                              {"exp", 1'700'000'000 + 12 * 3600},
                              {"sub", "mailto:ops@example.net"}}));
  const auto point = decode_base64url(value.substr(comma + 4)).value();
  const auto jwk = json::parse(push_ec_key().public_jwk());
  EXPECT_EQ(point, "\x04" + decode_base64url(jwk.at("x").get<std::string>()).value() +
                       decode_base64url(jwk.at("y").get<std::string>()).value());
}

TEST_F(WebPushSenderTest, KeepsToTheLimits) {
  auto push = message_push();
  push.seq = kMaxSeq;
  push.badge = std::numeric_limits<std::uint64_t>::max();
  push.expires_at = kNow + hours(24 * 365);
  const auto post = prepared(push);
  EXPECT_LE(post.body.size(), 4096U);
  EXPECT_LE(header_of(post, "topic").size(), 32U);
  EXPECT_EQ(header_of(post, "ttl"), "2419200");
  EXPECT_FALSE(has_header(prepared(test_push()), "topic"));
}

TEST_F(WebPushSenderTest, EncryptsAPreviewWithEverythingElse) {
  const auto push = longest_preview_push();
  EXPECT_LT(prepared(push).body.size(), 512U);  // as that browser wants none
  const Registration wants = registration_of(WebPushTarget{kEndpoint, device_keys(), true});
  auto shortest = push;
  shortest.preview = {*UserId::parse("a"), ""};
  // What is in it, and whether anything is, cannot be told from its length.
  for (const auto& one : {push, shortest, message_push(), test_push()})
    EXPECT_EQ(sender_->prepare(one, wants, kNow).value().body.size(), 1536U + 103);
}

TEST_F(WebPushSenderTest, NamesNobody) {
  for (const auto& push : {message_push(), test_push()}) {
    const auto post = prepared(push);
    for (const char* secret : {"bob-of-the-names", "phone-of-bob", "secret_path"})
      EXPECT_FALSE(mentions(post, secret));
  }
}

TEST_F(WebPushSenderTest, RefusesWhatIsNoPush) {
  EXPECT_FALSE(sender_->prepare(badge_push(), browser(), kNow));
  auto late = message_push();
  late.expires_at = kNow;
  EXPECT_FALSE(sender_->prepare(late, browser(), kNow));
  const auto elsewhere = sender_->prepare(message_push(), browser("https://10.0.0.1/secret_path"), kNow);
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error(), "the endpoint is not an https URL of an allowed host");
  auto no_key = browser();
  std::get<WebPushTarget>(no_key.target).keys.key = "secret_key";
  const auto post = sender_->prepare(message_push(), no_key, kNow);
  ASSERT_FALSE(post);
  EXPECT_EQ(post.error().find("secret_key"), std::string::npos);
}

struct WebPushRow {
  int status;
  const char* action;
};

TEST_F(WebPushSenderTest, KnowsEveryStatus) {
  const std::vector<WebPushRow> rows{
      {200, "sent"},  {201, "sent"},  {202, "sent"},       {204, "sent"},       {400, "pause"},
      {401, "pause"}, {403, "pause"}, {404, "drop_token"}, {410, "drop_token"}, {413, "give_up"},
      {429, "retry"}, {500, "retry"}, {502, "retry"},      {503, "retry"},      {504, "retry"},
      {301, "retry"}, {406, "retry"}};
  for (const auto& row : rows) {
    restart();
    const auto judgement = judged(row.status);
    EXPECT_EQ(to_text(judgement.action), row.action) << row.status;
    EXPECT_EQ(judgement.reason, row.status < 300 ? "accepted" : "HTTP " + std::to_string(row.status));
    EXPECT_EQ(judgement.after.has_value(), judgement.action == Action::retry);
    EXPECT_EQ(judgement.gone_at, std::nullopt);
  }
}

// A subscription of another key, which anybody can register, is no reason to stop for everybody else.
TEST_F(WebPushSenderTest, StopsForNoSingleSubscriptionOnceItsKeyWasAccepted) {
  EXPECT_EQ(to_text(judged(201).action), "sent");
  for (const int status : {400, 401, 403}) {
    EXPECT_EQ(to_text(judged(status, 1).action), "retry");
    EXPECT_GE(judged(status, 2).after.value(), seconds(60));
    EXPECT_EQ(to_text(judged(status, 3).action), "give_up");
  }
}

TEST_F(WebPushSenderTest, StopsForNoSingleSubscriptionForLong) {
  // What is held is at its first attempt again and again.
  for (int times = 1; times <= 3; ++times) EXPECT_EQ(to_text(judged(403, 1).action), "pause");
  EXPECT_EQ(to_text(judged(403, 1).action), "give_up");
}

TEST_F(WebPushSenderTest, WaitsAsLongAsTheServiceSays) {
  EXPECT_GE(judged(503, 1, {{"retry-after", "100"}}).after.value(), seconds(100));
  EXPECT_LE(judged(503, 1, {{"retry-after", "100"}}).after.value(), seconds(150));
  EXPECT_GE(judged(429, 1, {{"retry-after", "Tue, 14 Nov 2023 22:15:20 GMT"}}).after.value(), seconds(120));
  restart();
  EXPECT_GE(judged(429, 1, {{"retry-after", "soon"}}).after.value(), seconds(60));
  restart();
  EXPECT_GE(judged(503).after.value(), seconds(10));
  restart();
  EXPECT_GE(judged(503, 1, {{"retry-after", "0"}}).after.value(), seconds(1));
}

TEST_F(WebPushSenderTest, KnowsWhatIsNoAnswer) {
  const auto judge = [&](PostResult::Kind kind, int attempt) {
    return sender_->judge(unanswered(kind), message_push(), browser(), attempt, kNow);
  };
  EXPECT_EQ(to_text(judge(PostResult::Kind::not_sent, 1).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 2).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 3).action), "retry");
  EXPECT_EQ(to_text(judge(PostResult::Kind::unknown, 4).action), "give_up");
  EXPECT_EQ(to_text(judge(PostResult::Kind::untrusted, 1).action), "pause");
}

// The token and the key of RFC 8292 2.4; the parts that are not random are ours too, byte for byte.
TEST(VapidTest, MatchesRfc8292) {
  const std::string signed_text =
      "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9."
      "eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbG"
      "UuY29tIn0";
  const auto signature =
      decode_base64url(
          "i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA")
          .value();
  const auto point =
      decode_base64url(
          "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs")
          .value();
  EXPECT_TRUE(
      PublicKey::ec_p256(point.substr(1, 32), point.substr(33)).value().verifies(signed_text, signature));
  Vapid vapid("mailto:push@example.com", push_ec_key());
  const auto ours =
      vapid.authorization("https://push.example.net", Timestamp(seconds(1'453'523'768)) - hours(12));
  EXPECT_EQ(ours.substr(0, 8 + signed_text.size() + 1), "vapid t=" + signed_text + ".");
  EXPECT_EQ(ours.substr(ours.find(", k=") + 4), vapid.public_key());
  EXPECT_EQ(vapid.public_key().size(), 87U);
}

TEST(VapidTest, SignsOnceForEachOrigin) {
  Vapid vapid("https://example.net/contact", push_ec_key());
  const auto first = vapid.authorization("https://one.example", kNow);
  EXPECT_EQ(vapid.authorization("https://one.example", kNow + hours(11) - seconds(1)), first);
  EXPECT_NE(vapid.authorization("https://two.example", kNow), first);
  EXPECT_NE(vapid.authorization("https://one.example", kNow + hours(11)), first);
  // A clock that was put back: its end would be more than a day ahead sooner or later.
  EXPECT_NE(vapid.authorization("https://two.example", kNow - hours(1)),
            vapid.authorization("https://two.example", kNow));
}

TEST(VapidTest, RemembersNoMoreThanItMust) {
  Vapid vapid("mailto:a@b.example", push_ec_key());
  const auto first = vapid.authorization("https://0.example", kNow);
  for (int i = 1; i < 1000; ++i) vapid.authorization("https://" + std::to_string(i) + ".example", kNow);
  EXPECT_EQ(vapid.authorization("https://0.example", kNow), first);
  vapid.authorization("https://1000.example", kNow);
  EXPECT_NE(vapid.authorization("https://0.example", kNow), first);
}

AllowedHosts hosts_of(const std::vector<std::string>& entries) {
  return AllowedHosts::parse(entries).value();
}

TEST(AllowedHosts, AllowsThePushServices) {
  const auto hosts = hosts_of(known_webpush_hosts());
  for (const auto& [url, origin] : std::vector<std::pair<std::string, std::string>>{
           {"https://fcm.googleapis.com/fcm/send/abc:def-_=", "https://fcm.googleapis.com"},
           {"https://jmt17.google.com/fcm/send/abc:def-_=", "https://jmt17.google.com"},
           {"https://updates.push.services.mozilla.com/wpush/v2/gAAA_-",
            "https://updates.push.services.mozilla.com"},
           {"https://wns2-par02p.notify.windows.com/w/?token=BQ%2f",
            "https://wns2-par02p.notify.windows.com"},
           {"https://web.push.apple.com/QGcd", "https://web.push.apple.com"}}) {
    const auto endpoint = hosts.allow(url);
    ASSERT_TRUE(endpoint) << url;
    EXPECT_EQ(endpoint->origin, origin);
    EXPECT_EQ(endpoint->url, url);
  }
  const auto spelled = hosts.allow("https://FCM.GoogleApis.com:443/Path");
  ASSERT_TRUE(spelled);
  EXPECT_EQ(spelled->origin, "https://fcm.googleapis.com");
  EXPECT_EQ(spelled->url, "https://fcm.googleapis.com/Path");
}

TEST(AllowedHosts, AllowNothingElse) {
  const auto hosts = hosts_of({"push.example", "127.0.0.1:8443", "localhost:9443"});
  for (const char* url : {
           "",
           "https://",
           "https:///path",
           "http://push.example/a",
           "HTTPS://push.example/a",
           "ftp://push.example/a",
           "file:///etc/passwd",
           "https://push.example",
           "https://example/a",
           "https://evilpush.example/a",
           "https://push.example.evil.example/a",
           "https://push.example./a",
           "https://.push.example/a",
           "https://a..push.example/a",
           "https://push.example:8443/a",
           "https://push.example:0443/a",
           "https://push.example:/a",
           "https://push.example:443:443/a",
           "https://push.example:+443/a",
           "https://push.example:4294967739/a",
           "https://user@push.example/a",
           "https://user:secret@push.example/a",
           "https://push.example@evil.example/a",
           "https://evil.example#@push.example/a",
           "https://evil.example?@push.example/a",
           "https://evil.example\\@push.example/a",
           "https://evil.example%2epush.example/a",
           "https://evil.example\t.push.example/a",
           "https://push.example /a",
           " https://push.example/a",
           "https://push.example/a b",
           "https://push.example/a\r\nx: y",
           "https://push.example/a#b",
           "https://push.example/a\\b",
           "https://push.example/\xc3\xa4",
           "https://\xc3\xa4.push.example/a",
           "https://a_b.push.example/a",
           "https://127.0.0.1/a",
           "https://127.0.0.1:443/a",
           "https://127.1:8443/a",
           "https://127.0.0.1:8444/a",
           "https://0177.0.0.1:8443/a",
           "https://0x7f.0.0.1:8443/a",
           "https://2130706433:8443/a",
           "https://[::1]/a",
           "https://[::1]:8443/a",
           "https://[::ffff:127.0.0.1]:8443/a",
           "https://localhost/a",
           "https://a.localhost:9443/a",
           "https://10.0.0.1/a",
           "https://169.254.169.254/latest/meta-data/",
       }) {
    EXPECT_FALSE(hosts.allow(url)) << url;
  }
  EXPECT_FALSE(hosts.allow("https://push.example/" + std::string(2048, 'a')));
  EXPECT_FALSE(hosts.allow(std::string("https://push.example/a\0b", 24)));
}

TEST(AllowedHosts, AllowATestsHostAtItsPortOnly) {
  const auto hosts = hosts_of({"push.example", "127.0.0.1:8443"});
  ASSERT_TRUE(hosts.allow("https://push.example/a"));
  ASSERT_TRUE(hosts.allow("https://a.b.push.example/a"));
  const auto endpoint = hosts.allow("https://127.0.0.1:8443/a");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->origin, "https://127.0.0.1:8443");
}

TEST(AllowedHosts, AreDomainsOrHostsWithAPort) {
  for (const char* entry :
       {"", "com", ".com", "example.net.", "*.example.net", "https://example.net", "example.net/a",
        "127.0.0.1", "[::1]:443", "[::1]", "example.net:0", "example.net:65536", "example.net:x",
        "user@example.net", "a b.example", "10.0.0.0/8"}) {
    const auto hosts = AllowedHosts::parse({"fcm.googleapis.com", entry});
    ASSERT_FALSE(hosts) << entry;
    EXPECT_NE(hosts.error().find("'" + std::string(entry) + "'"), std::string::npos);
  }
  // Nobody is allowed nothing.
  EXPECT_FALSE(hosts_of({}).allow(kEndpoint));
}

TEST(MakeWebPushSender, RefusesOptionsThatServicesWould) {
  const auto refuses = [](auto change, const std::string& option) {
    auto options = webpush_options();
    change(options);
    try {
      make_webpush_sender(options);
      ADD_FAILURE() << option << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(option + ": ")) << error.what();
    }
  };
  refuses([](auto& options) { options.subject = ""; }, "subject");
  refuses([](auto& options) { options.subject = "ops@example.net"; }, "subject");
  refuses([](auto& options) { options.subject = "http://example.net"; }, "subject");
  refuses([](auto& options) { options.subject = "mailto:a b"; }, "subject");
  refuses([](auto& options) { options.key = push_rsa_key(); }, "key_file");
  refuses([](auto& options) { options.allowed_hosts = {"127.0.0.1"}; }, "allowed_hosts");
}

}  // namespace
}  // namespace duet
