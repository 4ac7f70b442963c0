// tests/unit/push_bridge/fcm_fixture.h: an FcmSender, and what Google answers it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "push_bridge/fcm_sender.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {

inline constexpr const char* kRegistrationToken = "cT3x:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx_secret";
inline constexpr const char* kTokenUri = "https://oauth2.googleapis.com/token";

inline ServiceAccount service_account() {
  return {"duet-1a2b3", "push@duet-1a2b3.iam.gserviceaccount.com", "0123abcd", push_rsa_key(), kTokenUri};
}

inline Registration android() {
  return registration_of(FcmTarget{kRegistrationToken});
}

inline std::string granted(const std::string& token, int expires_in = 3599) {
  return nlohmann::json{{"access_token", token}, {"expires_in", expires_in}, {"token_type", "Bearer"}}.dump();
}

inline std::string fcm_error(const char* status, const char* code, const char* message = "what it says") {
  nlohmann::json error{{"code", 400}, {"message", message}, {"status", status}};
  if (code != nullptr) {
    error["details"] = nlohmann::json::array(
        {{{"@type", "type.googleapis.com/google.firebase.fcm.v1.FcmError"}, {"errorCode", code}}});
  }
  return nlohmann::json{{"error", error}}.dump();
}

class FcmSenderTest : public testing::Test {
 protected:
  void restart(std::uint64_t seed = 1) {
    sender_ = make_fcm_sender({.account = service_account(), .seed = seed});
  }
  // Asks for a token and gets one.
  void grant(const std::string& token, Timestamp now = kNow) {
    ASSERT_TRUE(sender_->credentials_request(now));
    EXPECT_EQ(to_text(sender_->take_credentials(answered(200, granted(token)), now).action), "sent");
  }
  HttpPost prepared(Timestamp now = kNow, const Notification& push = message_push()) {
    return sender_->prepare(push, android(), now).value();
  }
  std::string bearer(Timestamp now = kNow) { return header_of(prepared(now), "authorization"); }
  Judgement judged(int status, const std::string& body, int attempt = 1,
                   std::map<std::string, std::string> headers = {}) {
    return sender_->judge(answered(status, body, std::move(headers)), message_push(), android(), attempt,
                          kNow);
  }

  std::unique_ptr<Sender> sender_ = make_fcm_sender({.account = service_account(), .seed = 1});
};

}  // namespace duet
