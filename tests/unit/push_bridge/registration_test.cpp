#include "push_bridge/registration.h"

#include <gtest/gtest.h>

#include "acl/base64url.h"

namespace duet {
namespace {

std::string webpush(const std::string& endpoint, std::size_t key_bytes, std::size_t auth_bytes,
                    const std::string& padding = "") {
  const std::string key = "\x04" + std::string(key_bytes - 1, 'k');
  return R"({"platform": "webpush", "token": {"endpoint": ")" + endpoint +
         R"(", "expirationTime": null, "keys": {"p256dh": ")" + encode_base64url(key) + padding +
         R"(", "auth": ")" + encode_base64url(std::string(auth_bytes, 'a')) + padding + R"("}}})";
}

TEST(ParseRegistration, TakesWhatDevicesSay) {
  const auto fcm = parse_registration(R"({"platform": "fcm", "token": "dQw4:APA91b-_", "app": "shop"})");
  ASSERT_TRUE(fcm);
  EXPECT_EQ(fcm->app, "shop");
  EXPECT_EQ(std::get<FcmTarget>(*fcm->target).token, "dQw4:APA91b-_");

  const auto apns = parse_registration(R"({"platform": "apns", "token": "00fFaB"})");
  ASSERT_TRUE(apns);
  EXPECT_EQ(apns->app, "");
  EXPECT_EQ(std::get<ApnsTarget>(*apns->target).environment, ApnsEnvironment::production);
  const auto sandbox = parse_registration(R"({"platform": "apns", "token": "00", "environment": "sandbox"})");
  ASSERT_TRUE(sandbox);
  EXPECT_EQ(std::get<ApnsTarget>(*sandbox->target).environment, ApnsEnvironment::sandbox);

  const auto web = parse_registration(webpush("https://push.example/x?y=1", 65, 16));
  ASSERT_TRUE(web);
  EXPECT_EQ(std::get<WebPushTarget>(*web->target).endpoint, "https://push.example/x?y=1");
  EXPECT_EQ(std::get<WebPushTarget>(*web->target).keys.secret, std::string(16, 'a'));
  EXPECT_TRUE(parse_registration(webpush("https://push.example/x", 65, 16, "=")));

  const auto none = parse_registration(R"({"platform": null})");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->target);
}

TEST(ParseRegistration, RefusesEverythingElse) {
  const std::string long_token(kMaxPushTokenBytes + 1, 'a');
  for (const std::string& payload : {
           std::string(""),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"platform": "sms", "token": "1"})"),
           std::string(R"({"platform": 1, "token": "1"})"),
           std::string(R"({"platform": "fcm"})"),
           std::string(R"({"platform": "fcm", "token": ""})"),
           std::string(R"({"platform": "fcm", "token": "a b"})"),
           std::string(R"({"platform": "fcm", "token": "a\nb"})"),
           std::string(R"({"platform": "fcm", "token": {}})"),
           R"({"platform": "fcm", "token": ")" + long_token + R"("})",
           std::string(R"({"platform": "fcm", "token": "a", "app": "a/b"})"),
           std::string(R"({"platform": "fcm", "token": "a", "app": 1})"),
           std::string(R"({"platform": "apns", "token": "xyz0"})"),
           std::string(R"({"platform": "apns", "token": "000"})"),
           std::string(R"({"platform": "apns", "token": "00", "environment": "moon"})"),
           std::string(R"({"platform": "webpush", "token": "https://push.example/"})"),
           std::string(R"({"platform": "webpush", "token": {"endpoint": "https://push.example/"}})"),
           webpush("http://push.example/", 65, 16),
           webpush("https://push.example/", 64, 16),
           webpush("https://push.example/", 65, 15),
       }) {
    const auto parsed = parse_registration(payload);
    EXPECT_FALSE(parsed) << payload;
    if (!parsed) {
      EXPECT_EQ(parsed.error().find(long_token), std::string::npos);
    }
  }
}

std::string preview_keys(std::size_t key_bytes = 65, std::size_t auth_bytes = 16, char form = '\x04') {
  return R"({"p256dh": ")" + encode_base64url(form + std::string(key_bytes - 1, 'k')) + R"(", "auth": ")" +
         encode_base64url(std::string(auth_bytes, 'a')) + R"("})";
}
std::string with_preview(const std::string& registration, const std::string& preview) {
  return registration.substr(0, registration.size() - 1) + R"(, "preview": )" + preview + "}";
}
const std::string kFcm = R"({"platform": "fcm", "token": "t"})";
const std::string kApns = R"({"platform": "apns", "token": "00ff", "environment": "sandbox"})";

TEST(ParseRegistration, TakesTheKeysThatPreviewsAreEncryptedTo) {
  for (const auto& registration : {kFcm, kApns, webpush("https://push.example/x", 65, 16)}) {
    const auto plain = parse_registration(registration);
    ASSERT_TRUE(plain);
    EXPECT_FALSE(wants_preview(*plain->target)) << registration;
  }
  const auto fcm = parse_registration(with_preview(kFcm, preview_keys()));
  ASSERT_TRUE(fcm && wants_preview(*fcm->target));
  EXPECT_EQ(std::get<FcmTarget>(*fcm->target).preview->key, "\x04" + std::string(64, 'k'));
  EXPECT_EQ(std::get<FcmTarget>(*fcm->target).preview->secret, std::string(16, 'a'));
  const auto apns = parse_registration(with_preview(kApns, preview_keys()));
  ASSERT_TRUE(apns && wants_preview(*apns->target));
  EXPECT_EQ(std::get<ApnsTarget>(*apns->target).preview->secret, std::string(16, 'a'));
  EXPECT_EQ(std::get<ApnsTarget>(*apns->target).environment, ApnsEnvironment::sandbox);
  const auto web = webpush("https://push.example/x", 65, 16);
  EXPECT_TRUE(wants_preview(*parse_registration(with_preview(web, "true"))->target));
  for (const auto& registration : {kFcm, kApns, web}) {
    for (const char* none : {"false", "null"})
      EXPECT_FALSE(wants_preview(*parse_registration(with_preview(registration, none))->target));
  }
}

TEST(ParseRegistration, RefusesPreviewsOfTheWrongKind) {
  const auto web = webpush("https://push.example/x", 65, 16);
  for (const auto& registration : {kFcm, kApns}) {
    for (const std::string& preview :
         {std::string("true"), std::string("0"), std::string("{}"), std::string(R"("key")"),
          std::string(R"({"p256dh": 1, "auth": 2})"), preview_keys(64), preview_keys(66),
          preview_keys(65, 15), preview_keys(65, 17), preview_keys(65, 16, '\x02')}) {
      EXPECT_FALSE(parse_registration(with_preview(registration, preview))) << preview;
    }
  }
  for (const std::string& preview :
       {preview_keys(), std::string("0"), std::string("1"), std::string(R"("true")")}) {
    EXPECT_FALSE(parse_registration(with_preview(web, preview))) << preview;
  }
}

TEST(ParseRegistration, LimitsHoldExactly) {
  const auto with = [](std::size_t bytes) {
    return R"({"platform": "fcm", "token": ")" + std::string(bytes, 'a') + R"("})";
  };
  EXPECT_TRUE(parse_registration(with(kMaxPushTokenBytes)));
  EXPECT_FALSE(parse_registration(with(kMaxPushTokenBytes + 1)));
}

}  // namespace
}  // namespace duet
