#include "push_bridge/apns_sender.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include "acl/base64url.h"
#include "push_bridge/push_request.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kDeviceToken = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

Registration iphone(ApnsEnvironment environment = ApnsEnvironment::production) {
  return registration_of(ApnsTarget{kDeviceToken, environment});
}

ApnsOptions apns_options(const std::shared_ptr<TokenMemory>& memory, std::uint64_t seed = 1) {
  ApnsOptions options{"net.example.duet", "TEAM567890", "KEY4567890", push_ec_key(), memory};
  options.seed = seed;
  return options;
}

class ApnsSenderTest : public testing::Test {
 protected:
  HttpPost prepared(Timestamp now, const Notification& push = message_push(),
                    const Registration& to = iphone()) {
    auto current = push;
    current.expires_at = std::max(push.expires_at, now + minutes(1));
    return sender_->prepare(current, to, now).value();
  }
  std::string bearer(Timestamp now, ApnsEnvironment environment = ApnsEnvironment::production) {
    const auto value = header_of(prepared(now, message_push(), iphone(environment)), "authorization");
    EXPECT_TRUE(value.starts_with("bearer "));
    return value.substr(7);
  }
  Judgement judged(int status, const std::string& body, int attempt = 1, Timestamp now = kNow) {
    return sender_->judge(answered(status, body), message_push(), iphone(), attempt, now);
  }
  Judgement refused(int status, const std::string& reason, int attempt = 1, Timestamp now = kNow) {
    return judged(status, R"({"reason":")" + reason + R"("})", attempt, now);
  }
  void restart(std::uint64_t seed) { sender_ = make_apns_sender(apns_options(memory_, seed)); }

  std::shared_ptr<MapMemory> memory_ = std::make_shared<MapMemory>();
  std::unique_ptr<Sender> sender_ = make_apns_sender(apns_options(memory_));
};

TEST_F(ApnsSenderTest, SaysThatThereIsAMessage) {
  const auto post = prepared(kNow);
  EXPECT_EQ(post.url, std::string("https://api.push.apple.com/3/device/") + kDeviceToken);
  EXPECT_EQ(header_of(post, "apns-topic"), "net.example.duet");
  EXPECT_EQ(header_of(post, "apns-push-type"), "alert");
  EXPECT_EQ(header_of(post, "apns-priority"), "10");
  EXPECT_EQ(header_of(post, "apns-id"), kPushId);
  EXPECT_EQ(header_of(post, "apns-expiration"), "1700086400");
  EXPECT_EQ(header_of(post, "apns-collapse-id"), kHiddenConversation);
  EXPECT_EQ(json::parse(post.body), (json{{"aps",
                                           {{"alert", {{"loc-key", "NEW_MESSAGE"}}},
                                            {"badge", 3},
                                            {"mutable-content", 1},
                                            {"sound", "default"},
                                            {"thread-id", kHiddenConversation}}},
                                          {"c", kHiddenConversation},
                                          {"s", 7}}));
}

TEST_F(ApnsSenderTest, ChangesABadgeSilently) {
  const auto post = prepared(kNow, badge_push());
  EXPECT_EQ(json::parse(post.body), (json{{"aps", {{"badge", 3}}}}));
  EXPECT_EQ(header_of(post, "apns-push-type"), "alert");
  EXPECT_EQ(header_of(post, "apns-priority"), "5");
  EXPECT_FALSE(has_header(post, "apns-collapse-id"));
}

TEST_F(ApnsSenderTest, TestsWithoutAConversation) {
  const auto post = prepared(kNow, test_push());
  EXPECT_EQ(
      json::parse(post.body),
      (json{{"aps", {{"alert", {{"loc-key", "TEST_NOTIFICATION"}}}, {"badge", 3}, {"sound", "default"}}}}));
  EXPECT_FALSE(has_header(post, "apns-collapse-id"));
}

TEST_F(ApnsSenderTest, HasAHostForEachEnvironment) {
  const auto post = prepared(kNow, message_push(), iphone(ApnsEnvironment::sandbox));
  EXPECT_TRUE(post.url.starts_with("https://api.sandbox.push.apple.com/3/device/"));
}

TEST_F(ApnsSenderTest, HasAPreviewForThePhonesExtensionAlone) {
  const auto push = longest_preview_push();
  EXPECT_FALSE(json::parse(prepared(kNow, push).body).contains("preview"));  // that phone wants none
  const auto wants = registration_of(ApnsTarget{kDeviceToken, ApnsEnvironment::production, device_keys()});
  const auto post = prepared(kNow, push, wants);
  const auto payload = json::parse(post.body);
  const std::string preview = payload.at("preview");
  EXPECT_EQ(preview.size(), kSealedPreviewBytes);
  EXPECT_TRUE(decode_base64url(preview));
  EXPECT_EQ(payload.at("aps").at("mutable-content"), 1);
  EXPECT_LE(post.body.size(), 4096U);
  EXPECT_FALSE(mentions(post, push.preview->from.str()));
  EXPECT_FALSE(mentions(post, kPreviewWord));
  for (const auto kind : {Notification::Kind::badge, Notification::Kind::test}) {
    const auto other = longest_preview_push(kind);
    EXPECT_EQ(prepared(kNow, other, wants).body, prepared(kNow, other).body);
  }
}

TEST_F(ApnsSenderTest, WakesADeviceWhoseKeyIsNone) {
  const auto broken =
      registration_of(ApnsTarget{kDeviceToken, ApnsEnvironment::production, DeviceKeys{"k", "s"}});
  EXPECT_EQ(prepared(kNow, longest_preview_push(), broken).body, prepared(kNow, longest_preview_push()).body);
}

TEST_F(ApnsSenderTest, NamesNobody) {
  for (const auto& push : {message_push(), badge_push(), test_push()}) {
    const auto post = prepared(kNow, push);
    for (const char* secret : {"bob-of-the-names", "phone-of-bob", kDeviceToken})
      EXPECT_FALSE(mentions(post, secret));
  }
}

TEST_F(ApnsSenderTest, KeepsToApplesLimits) {
  auto push = message_push();
  push.seq = kMaxSeq;
  push.badge = std::numeric_limits<std::uint64_t>::max();
  push.expires_at = kNow + std::chrono::hours(24 * 365);
  const auto post = prepared(kNow, push);
  EXPECT_LE(post.body.size(), 4096U);
  EXPECT_LE(header_of(post, "apns-collapse-id").size(), 64U);
  EXPECT_EQ(header_of(post, "apns-expiration"), std::to_string(1'700'000'000 + 30 * 86'400));
}

TEST_F(ApnsSenderTest, RefusesWhatIsNoPush) {
  const auto refuses = [&](auto change, const char* of) {
    auto push = message_push();
    auto to = iphone();
    change(push, std::get<ApnsTarget>(to.target));
    const auto post = sender_->prepare(push, to, kNow);
    ASSERT_FALSE(post) << of;
    EXPECT_EQ(post.error().find(std::get<ApnsTarget>(to.target).token.substr(0, 20)), std::string::npos)
        << of;
    EXPECT_FALSE(post.error().empty());
  };
  refuses([](auto& push, auto&) { push.id = ""; }, "no id");
  refuses([](auto& push, auto&) { push.id = "5E2CBC2F-7A2F-4F6B-A1F5-0D4E5A0B1C2D"; }, "upper case");
  refuses([](auto& push, auto&) { push.id += "\r\nx: y"; }, "a header in the id");
  refuses([](auto& push, auto&) { push.conversation = ""; }, "no conversation");
  refuses([](auto& push, auto&) { push.conversation += "a"; }, "a long conversation");
  refuses([](auto& push, auto&) { push.conversation = "a\r\nb: c"; }, "a header in the conversation");
  refuses([](auto& push, auto&) { push.expires_at = kNow; }, "too late");
  refuses([](auto&, auto& to) { to.token = "00fc13adff785122b4ad2880/../../secret"; }, "a path");
  refuses([](auto&, auto& to) { to.token = "00fc13adff785122b4ad28809"; }, "half a byte");
  refuses([](auto&, auto& to) { to.token = std::string(2050, 'a'); }, "a long token");
  auto none = iphone();
  std::get<ApnsTarget>(none.target).token = "";
  EXPECT_FALSE(sender_->prepare(message_push(), none, kNow));
}

TEST_F(ApnsSenderTest, SignsAsApplesKeyOfTheTeam) {
  const auto jwt = verified_jwt(bearer(kNow), push_ec_key());
  EXPECT_EQ(jwt.header, (json{{"alg", "ES256"}, {"kid", "KEY4567890"}}));
  EXPECT_EQ(jwt.claims, (json{{"iss", "TEAM567890"}, {"iat", 1'700'000'000}}));
}

// How long the token of `now` is used.
template <typename Bearer>
minutes life_of_token(Bearer bearer, Timestamp now) {
  const auto first = bearer(now);
  for (minutes age{1}; age < minutes(120); ++age) {
    if (bearer(now + age) != first) return age;
  }
  return minutes(120);
}

TEST_F(ApnsSenderTest, RenewsItsTokenAfter45MinutesOrSo) {
  minutes least{120};
  minutes most{0};
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    memory_ = std::make_shared<MapMemory>();
    restart(seed);
    const auto life = life_of_token([&](Timestamp now) { return bearer(now); }, kNow);
    EXPECT_EQ(memory_->saves, 2);
    least = std::min(least, life);
    most = std::max(most, life);
  }
  EXPECT_GE(least, minutes(40));
  EXPECT_LT(least, minutes(43));
  EXPECT_LE(most, minutes(51));  // seen at the next whole minute
  EXPECT_GT(most, minutes(47));
}

TEST_F(ApnsSenderTest, HasATokenForEachEnvironment) {
  EXPECT_NE(bearer(kNow), bearer(kNow, ApnsEnvironment::sandbox));
  EXPECT_EQ(memory_->values.size(), 2U);
}

TEST_F(ApnsSenderTest, MintsNoTokenWhenItRestarts) {
  const auto first = bearer(kNow);
  for (std::uint64_t seed = 2; seed < 50; ++seed) {
    restart(seed);
    EXPECT_EQ(bearer(kNow + minutes(seed) / 2), first);
  }
  EXPECT_EQ(memory_->saves, 1);
}

TEST_F(ApnsSenderTest, SharesItsTokenWithOtherApps) {
  auto options = apns_options(memory_, 2);
  options.topic = "net.example.other";
  const auto other = make_apns_sender(options);
  const auto token_of = [](Sender& of, Timestamp now) {
    auto push = message_push();
    return header_of(of.prepare(push, iphone(), now).value(), "authorization");
  };
  EXPECT_EQ(token_of(*sender_, kNow), token_of(*other, kNow));
  // Later too, whoever renews it.
  EXPECT_EQ(token_of(*other, kNow + minutes(51)), token_of(*sender_, kNow + minutes(51)));
  EXPECT_EQ(memory_->saves, 2);
}

TEST_F(ApnsSenderTest, BelievesOnlyATokenOfItsKeyAndTime) {
  const auto first = bearer(kNow);
  const auto good = memory_->values.begin()->second;
  const auto with = [&](const char* name, const json& value) {
    auto changed = json::parse(good);
    changed[name] = value;
    return changed.dump();
  };
  const auto next_ms = (kNow + minutes(2)).time_since_epoch().count();
  for (const auto& remembered : {std::string(), std::string("{"), std::string("[]"), with("key", "another"),
                                 with("key", 5), with("token", nullptr), with("issued_at", "yesterday"),
                                 with("issued_at", next_ms), with("renew_at", next_ms - 120'000),
                                 with("issued_at", (kNow - minutes(56)).time_since_epoch().count())}) {
    memory_->values.begin()->second = remembered;
    restart(1);
    EXPECT_NE(bearer(kNow), first) << remembered;
  }
  memory_->values.begin()->second = good;
  restart(1);
  EXPECT_EQ(bearer(kNow), first);
}

TEST_F(ApnsSenderTest, RemintsAnExpiredTokenOnce) {
  const auto first = bearer(kNow);
  const auto later = kNow + minutes(20);
  prepared(later);
  const auto judgement = refused(403, "ExpiredProviderToken", 1, later);
  EXPECT_EQ(to_text(judgement.action), "remint");
  EXPECT_TRUE(judgement.close_connection);
  const auto second = bearer(later);
  EXPECT_NE(second, first);
  EXPECT_EQ(verified_jwt(second, push_ec_key()).claims.at("iat"), 1'700'000'000 + 20 * 60);
  EXPECT_EQ(memory_->saves, 2);
  // The new one has expired as well: a clock is wrong.
  EXPECT_EQ(to_text(refused(403, "ExpiredProviderToken", 2, later).action), "pause");
  EXPECT_EQ(bearer(later + minutes(1)), second);
}

TEST_F(ApnsSenderTest, MintsNothingForAYoungToken) {
  const auto first = bearer(kNow);
  const auto later = kNow + minutes(20) - seconds(1);
  prepared(later);
  EXPECT_EQ(to_text(refused(403, "ExpiredProviderToken", 1, later).action), "pause");
  EXPECT_EQ(bearer(later), first);
  EXPECT_EQ(memory_->saves, 1);
}

// Of a hundred pushes on their way with an expired token only the first is news.
TEST_F(ApnsSenderTest, RemintsOnceForAllOnTheirWay) {
  const auto later = kNow + minutes(30);
  bearer(kNow);
  auto other = message_push();
  other.id.back() = '0';
  prepared(later);
  prepared(later, other);
  EXPECT_EQ(to_text(refused(403, "ExpiredProviderToken", 1, later).action), "remint");
  const auto second = bearer(later);
  const auto body = R"({"reason":"ExpiredProviderToken"})";
  EXPECT_EQ(to_text(sender_->judge(answered(403, body), other, iphone(), 1, later).action), "remint");
  EXPECT_EQ(bearer(later), second);
  EXPECT_EQ(memory_->saves, 2);
}

TEST_F(ApnsSenderTest, GoesBackToTheTokenBeforeWhenTheyChangeTooOften) {
  const auto first = bearer(kNow);
  const auto later = kNow + minutes(30);
  prepared(later);
  refused(403, "ExpiredProviderToken", 1, later);
  const auto second = bearer(later);
  for (int attempt = 2; attempt < 6; ++attempt) {
    const auto judgement = refused(429, "TooManyProviderTokenUpdates", attempt, later);
    EXPECT_EQ(to_text(judgement.action), "retry");
    EXPECT_TRUE(judgement.close_connection);
    EXPECT_EQ(bearer(later), first);
  }
  EXPECT_EQ(bearer(kNow + minutes(55) - seconds(1)), first);
  EXPECT_EQ(bearer(kNow + minutes(55)), second);
  EXPECT_EQ(memory_->saves, 2);
}

TEST_F(ApnsSenderTest, KeepsItsOnlyTokenWhenTheyChangeTooOften) {
  const auto first = bearer(kNow);
  EXPECT_EQ(to_text(refused(429, "TooManyProviderTokenUpdates").action), "retry");
  EXPECT_EQ(bearer(kNow + minutes(1)), first);
  EXPECT_EQ(memory_->saves, 1);
}

TEST(MakeApnsSender, RefusesOptionsThatApplesServiceWould) {
  const auto refuses = [](auto change, const std::string& option) {
    auto options = apns_options(std::make_shared<MapMemory>());
    change(options);
    try {
      make_apns_sender(options);
      ADD_FAILURE() << option << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(option + ": ")) << error.what();
    }
  };
  refuses([](auto& options) { options.topic = ""; }, "topic");
  refuses([](auto& options) { options.topic = "a\r\nb: c"; }, "topic");
  refuses([](auto& options) { options.team_id = "SHORT"; }, "team_id");
  refuses([](auto& options) { options.key_id = "KEY456789\""; }, "key_id");
  refuses([](auto& options) { options.key = push_rsa_key(); }, "key_file");
  refuses([](auto& options) { options.memory = nullptr; }, "memory");
  refuses([](auto& options) { options.server_error_delays.clear(); }, "server_error_delays");
}

}  // namespace
}  // namespace duet
