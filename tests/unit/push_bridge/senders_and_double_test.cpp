// What the senders say, over the poster, to providers that verify it with an implementation of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "acl/base64url.h"
#include "protocol/push_payload.h"
#include "push_bridge/apns_sender.h"
#include "push_bridge/fcm_sender.h"
#include "push_bridge/http2_poster.h"
#include "push_bridge/webpush_sender.h"
#include "tests/support/push_double.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {
namespace {

using nlohmann::json;
using testing::SizeIs;
using Action = Judgement::Action;

Timestamp current_time() {
  return std::chrono::floor<Timestamp::duration>(std::chrono::system_clock::now());
}

class SendersAndDouble : public testing::Test {
 protected:
  SendersAndDouble() : poster_({.ca_file = provider_.ca_file()}) {}

  SigningKey key(const std::filesystem::path& file) const {
    auto read = SigningKey::from_pem(text_of(file));
    if (!read) throw std::runtime_error(read.error());
    return *std::move(read);
  }
  std::unique_ptr<Sender> fcm() const {
    auto account = parse_service_account(text_of(provider_.fcm_credentials_file()));
    if (!account) throw std::runtime_error(account.error());
    return make_fcm_sender({.account = *std::move(account), .url = provider_.url(PushProvider::fcm)});
  }
  std::unique_ptr<Sender> apns(std::shared_ptr<TokenMemory> memory = std::make_shared<MapMemory>()) const {
    return make_apns_sender({.topic = provider_.apns_topic(),
                             .team_id = provider_.apns_team(),
                             .key_id = provider_.apns_key_id(),
                             .key = key(provider_.apns_key_file()),
                             .memory = std::move(memory),
                             .url_production = provider_.url(PushProvider::apns),
                             .url_sandbox = provider_.url(PushProvider::apns_sandbox)});
  }
  std::unique_ptr<Sender> webpush() const {
    constexpr std::size_t kScheme = 8;  // "https://"
    return make_webpush_sender({.subject = "mailto:ops@example.com",
                                .key = key(provider_.vapid_key_file()),
                                .allowed_hosts = {provider_.url(PushProvider::webpush).substr(kScheme)}});
  }
  static DeviceKeys keys_of(const json& subscription) {
    const auto& keys = subscription.at("keys");
    return {*decode_base64url(keys.at("p256dh").get<std::string>()),
            *decode_base64url(keys.at("auth").get<std::string>())};
  }
  Target browser(bool preview = false) {
    const json subscription = provider_.subscribe();
    return WebPushTarget{subscription.at("endpoint"), keys_of(subscription), preview};
  }

  Registration registration(Target target) const {
    return {device_, "app", std::move(target), current_time() - std::chrono::hours(1), 1};
  }
  Notification notification(Notification::Kind kind, int n) const {
    std::array<char, 37> id{};
    std::snprintf(id.data(), id.size(), "0f0f0f0f-0000-4000-8000-%012x", static_cast<unsigned>(n));
    return {.id = id.data(),
            .kind = kind,
            .to = device_,
            .conversation = std::string(32, 'c'),
            .seq = static_cast<Seq>(n),
            .badge = 3,
            .expires_at = current_time() + std::chrono::hours(24)};
  }

  PostResult post(HttpPost request) {
    auto promise = std::make_shared<std::promise<PostResult>>();
    auto result = promise->get_future();
    EXPECT_TRUE(poster_.post(std::move(request),
                             [promise](PostResult answer) { promise->set_value(std::move(answer)); }));
    return result.get();
  }
  Judgement send(Sender& sender, const Notification& what, const Registration& to, int attempt = 1) {
    if (auto ask = sender.credentials_request(current_time())) {
      const auto taken = sender.take_credentials(post(*std::move(ask)), current_time());
      EXPECT_EQ(taken.action, Action::sent) << taken.reason;
    }
    auto request = sender.prepare(what, to, current_time());
    if (!request) return {Action::give_up, request.error()};
    return sender.judge(post(*std::move(request)), what, to, attempt, current_time());
  }

  PushDouble provider_;
  Http2Poster poster_;
  const Device device_{*UserId::parse("bob"), *DeviceId::parse("phone")};
};

TEST_F(SendersAndDouble, EveryProviderTakesWhatIsSentToIt) {
  const auto google = fcm();
  const auto apple = apns();
  const auto web = webpush();
  const Registration android = registration(FcmTarget{"device-1"});
  const Registration phone = registration(ApnsTarget{std::string(64, 'a'), ApnsEnvironment::production});
  const Registration test_phone = registration(ApnsTarget{std::string(64, 'b'), ApnsEnvironment::sandbox});
  const Registration window = registration(browser());
  int n = 0;
  using Kind = Notification::Kind;
  for (const Kind kind : {Kind::message, Kind::badge, Kind::test}) {
    for (const auto& [sender, to] : {std::pair(google.get(), &android), std::pair(apple.get(), &phone),
                                     std::pair(apple.get(), &test_phone), std::pair(web.get(), &window)}) {
      if (sender == web.get() && kind == Kind::badge) continue;  // browsers have no silent push
      const auto judged = send(*sender, notification(kind, ++n), *to);
      EXPECT_EQ(judged.action, Action::sent) << n << " " << judged.reason;
    }
  }
  EXPECT_EQ(to_string(provider_.violations()), "");
  const auto accepted = provider_.accepted();
  ASSERT_THAT(accepted, SizeIs(n));
  for (const AcceptedPush& push : accepted) EXPECT_EQ(push.id.size(), 36U) << push.provider;
  EXPECT_EQ(accepted[3].payload.at("c"), std::string(32, 'c'));  // what a browser could read
  EXPECT_EQ(provider_.counters().at("oauth").at("grants"), 1);
}

// With the longest, as its device reads it, with code of its own.
TEST_F(SendersAndDouble, APreviewIsWhatItsDeviceReadsAndNobodyElse) {
  const json device = provider_.subscribe();
  const DeviceKeys keys = keys_of(device);
  const auto google = fcm();
  const auto apple = apns();
  const auto web = webpush();
  Notification what = notification(Notification::Kind::message, 1);
  what.preview = {*UserId::parse("alice"),
                  std::string(preview_of(std::string(kMaxPreviewBytes, '"') + "more"))};
  const json expected{{"from", "alice"}, {"text", std::string(kMaxPreviewBytes, '"')}};
  EXPECT_EQ(send(*google, what, registration(FcmTarget{"device-1", keys})).action, Action::sent);
  EXPECT_EQ(send(*apple, what, registration(ApnsTarget{"00ff", ApnsEnvironment::production, keys})).action,
            Action::sent);
  EXPECT_EQ(send(*web, what, registration(browser(true))).action, Action::sent);
  EXPECT_EQ(to_string(provider_.violations()), "");
  const auto accepted = provider_.accepted();
  ASSERT_THAT(accepted, SizeIs(3));
  for (const std::string sealed :
       {accepted[0].payload.at("data").at("preview"), accepted[1].payload.at("preview")}) {
    EXPECT_EQ(provider_.decrypt(device, sealed), expected);
    EXPECT_THROW(provider_.decrypt(provider_.subscribe(), sealed), std::runtime_error);
  }
  EXPECT_EQ(accepted[2].payload.at("preview"), expected);
}

TEST_F(SendersAndDouble, ARestartedBridgeGoesOnWithItsProviderToken) {
  const auto memory = std::make_shared<MapMemory>();
  const Registration phone = registration(ApnsTarget{std::string(64, 'a'), ApnsEnvironment::production});
  for (int n = 1; n <= 3; ++n) {
    const auto judged = send(*apns(memory), notification(Notification::Kind::message, n), phone);
    EXPECT_EQ(judged.action, Action::sent) << judged.reason;
  }
  EXPECT_EQ(to_string(provider_.violations()), "");
}

TEST_F(SendersAndDouble, WhatProvidersSayIsUnderstood) {
  const auto google = fcm();
  const auto apple = apns();
  const auto web = webpush();
  const Registration android = registration(FcmTarget{"device-1"});
  const Registration phone = registration(ApnsTarget{std::string(64, 'a'), ApnsEnvironment::production});
  const Registration window = registration(browser());
  const auto judge = [&](PushProvider provider, Sender& sender, const Registration& to, json does) {
    static int n = 0;
    does["do"] = "answer";
    provider_.plan({.provider = provider, .does = std::move(does)});
    return send(sender, notification(Notification::Kind::message, ++n), to);
  };
  EXPECT_EQ(judge(PushProvider::fcm, *google, android, {{"status", 404}, {"reason", "UNREGISTERED"}}).action,
            Action::drop_token);
  EXPECT_EQ(
      judge(PushProvider::fcm, *google, android, {{"status", 403}, {"reason", "SENDER_ID_MISMATCH"}}).action,
      Action::suspect_token);
  EXPECT_EQ(
      judge(PushProvider::fcm, *google, android, {{"status", 401}, {"reason", "UNAUTHENTICATED"}}).action,
      Action::remint);
  const auto later = judge(PushProvider::fcm, *google, android,
                           {{"status", 503}, {"reason", "UNAVAILABLE"}, {"retry_after", 77}});
  EXPECT_EQ(later.action, Action::retry);
  EXPECT_GE(later.after, std::chrono::seconds(77));
  const auto gone = judge(PushProvider::apns, *apple, phone,
                          {{"status", 410}, {"reason", "Unregistered"}, {"timestamp", 1'700'000'000'000}});
  EXPECT_EQ(gone.action, Action::drop_token);
  EXPECT_EQ(gone.gone_at, Timestamp(std::chrono::milliseconds(1'700'000'000'000)));
  EXPECT_EQ(judge(PushProvider::apns, *apple, phone, {{"status", 400}, {"reason", "BadDeviceToken"}}).action,
            Action::suspect_token);
  EXPECT_EQ(
      judge(PushProvider::apns, *apple, phone, {{"status", 403}, {"reason", "InvalidProviderToken"}}).action,
      Action::pause);
  EXPECT_EQ(judge(PushProvider::webpush, *web, window, {{"status", 410}}).action, Action::drop_token);
}

}  // namespace
}  // namespace duet
