// tests/e2e/push_error_rows.h: what the push services can answer, and what has to follow from each answer.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/push_double.h"

namespace duet {

enum class PushFate : std::uint8_t {
  sent,     // without another attempt of the bridge's
  again,    // with the same id, soon enough to wait for it
  later,    // the same, and not waited for
  dead,     // never again, and the device is pushed to as before
  dropped,  // never again, and the device is forgotten
  paused,   // it is kept, and the app's pushes wait
};

struct PushErrorRow {
  PushProvider provider;
  nlohmann::json does;  // PushFault::does
  PushFate fate;
  std::string reason = {};  // that is recorded
  double from_s = 0;        // again, later: the next attempt is after so long
  double to_s = 0;
  bool warm = false;  // the app's channel has had a push accepted before
  int times = 1;      // PushFault::times
};

inline nlohmann::json answers(int status, const std::string& reason,
                              nlohmann::json more = nlohmann::json::object()) {
  more.update({{"do", "answer"}, {"status", status}, {"reason", reason}});
  return more;
}

inline nlohmann::json answers_html(int status) {
  return {{"do", "answer"}, {"status", status}, {"body", "<html><title>Error</title>{\"reason\": 1}</html>"}};
}

inline std::int64_t ms_from_now(std::chrono::minutes from_now) {
  const auto at = std::chrono::system_clock::now() + from_now;
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

// Without an answer, on whatever service. Last, as they keep a connection busy.
inline void add_silent_rows(PushProvider provider, std::vector<PushErrorRow>& rows) {
  using enum PushFate;
  rows.push_back({provider, {{"do", "rst"}, {"code", 7}}, sent});  // REFUSED_STREAM: libcurl's to send again
  rows.push_back({provider, {{"do", "rst"}}, again, "unknown outcome", 1, 3});
  rows.push_back({provider, {{"do", "hang"}}, again, "unknown outcome", 1, 3});
  rows.push_back({provider, {{"do", "hang"}, {"accept", true}}, again, "unknown outcome", 1, 3});
}

inline std::vector<PushErrorRow> apns_error_rows() {
  using enum PushFate;
  constexpr auto kApns = PushProvider::apns;
  std::vector<PushErrorRow> rows;
  for (const std::string reason : {"BadDeviceToken", "DeviceTokenNotForTopic"}) {
    rows.push_back({kApns, answers(400, reason), dropped, reason, 0, 0, true});
    rows.push_back({kApns, answers(400, reason), dead, reason});  // nothing shows that it is not our mistake
  }
  for (const std::string reason : {"TopicDisallowed", "MissingTopic", "BadTopic"}) {
    rows.push_back({kApns, answers(400, reason), paused, reason});
  }
  for (const std::string reason :
       {"BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "InvalidPushType",
        "DuplicateHeaders", "PayloadEmpty", "MissingDeviceToken"}) {
    rows.push_back({kApns, answers(400, reason), dead, reason});
  }
  // The first is of a token that is not old enough for another: the clock is wrong.
  for (const std::string reason :
       {"ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken", "Forbidden", "BadCertificate",
        "BadCertificateEnvironment", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken",
        "BadEnvironmentKeyInToken"}) {
    rows.push_back({kApns, answers(403, reason), paused, reason});
  }
  rows.push_back({kApns, answers(404, "BadPath"), dead, "BadPath"});
  rows.push_back({kApns, answers(405, "MethodNotAllowed"), dead, "MethodNotAllowed"});
  rows.push_back({kApns, answers(413, "PayloadTooLarge"), dead, "PayloadTooLarge"});
  const nlohmann::json after{{"timestamp", ms_from_now(std::chrono::minutes(1))}};
  rows.push_back({kApns, answers(410, "Unregistered", after), dropped, "Unregistered"});
  rows.push_back({kApns, answers(410, "ExpiredToken", after), dropped, "ExpiredToken"});
  const nlohmann::json before{{"timestamp", ms_from_now(-std::chrono::minutes(1))}, {"dead", false}};
  rows.push_back({kApns, answers(410, "Unregistered", before), dead,
                  "Unregistered, but the device has registered since"});
  for (const std::string reason : {"TooManyRequests", "TooManyProviderTokenUpdates"}) {
    rows.push_back({kApns, answers(429, reason), again, reason, 1, 3});
  }
  rows.push_back({kApns, answers(400, "IdleTimeout"), again, "IdleTimeout", 0.3, 0.9});
  rows.push_back({kApns, answers(503, "Shutdown"), again, "Shutdown", 0.3, 0.9});
  rows.push_back({kApns, answers(500, "InternalServerError"), again, "InternalServerError", 1, 3});
  rows.push_back({kApns, answers(503, "ServiceUnavailable"), again, "ServiceUnavailable", 1, 3});
  rows.push_back({kApns, answers_html(502), again, "HTTP 502", 1, 3});
  rows.push_back({kApns, answers_html(403), paused, "HTTP 403"});
  rows.push_back({kApns, answers(418, "ANewReason"), later, "ANewReason", 15, 45});
  add_silent_rows(kApns, rows);
  return rows;
}

inline std::vector<PushErrorRow> fcm_error_rows() {
  using enum PushFate;
  constexpr auto kFcm = PushProvider::fcm;
  const nlohmann::json token{{"message", "The registration token is not a valid FCM registration token"}};
  auto request = token;
  request["field"] = "message.token";
  const std::string invalid = "INVALID_ARGUMENT";
  std::vector<PushErrorRow> rows{
      {kFcm, answers(400, invalid), dead, invalid, 0, 0, true},
      {kFcm, answers(400, invalid, request), dead, invalid, 0, 0, true},
      {kFcm, answers(400, invalid, token), dropped, invalid, 0, 0, true},
      {kFcm, answers(400, invalid, token), dead, invalid},
      {kFcm, answers_html(400), dead, "HTTP 400"},
      {kFcm, answers(401, "UNAUTHENTICATED"), again, "UNAUTHENTICATED", 0, 0},  // with another token
      {kFcm, answers(401, "UNAUTHENTICATED"), paused, "UNAUTHENTICATED", 0, 0, false, 2},
      {kFcm, answers(401, "THIRD_PARTY_AUTH_ERROR"), paused, "THIRD_PARTY_AUTH_ERROR"},
      {kFcm, answers(403, "SENDER_ID_MISMATCH"), dropped, "SENDER_ID_MISMATCH", 0, 0, true},
      {kFcm, answers(403, "SENDER_ID_MISMATCH"), dead, "SENDER_ID_MISMATCH"},
      {kFcm, answers(403, "PERMISSION_DENIED"), paused, "PERMISSION_DENIED"},
      {kFcm, answers(404, "UNREGISTERED"), dropped, "UNREGISTERED"},
      {kFcm, answers(404, "NOT_FOUND"), paused, "NOT_FOUND"},
      {kFcm, answers_html(404), paused, "HTTP 404"},
      {kFcm, answers(429, "QUOTA_EXCEEDED"), later, "QUOTA_EXCEEDED", 60, 90},
      {kFcm, answers(429, "QUOTA_EXCEEDED", {{"retry_after", 12}}), again, "QUOTA_EXCEEDED", 12, 18},
      {kFcm, answers(500, "INTERNAL"), again, "INTERNAL", 10, 15},
      {kFcm, answers(503, "UNAVAILABLE"), again, "UNAVAILABLE", 10, 15},
      {kFcm, answers(503, "UNAVAILABLE", {{"retry_after", 1}}), again, "UNAVAILABLE", 10, 15},
      {kFcm, answers(503, "UNAVAILABLE", {{"retry_after", 300}}), later, "UNAVAILABLE", 300, 450},
      {kFcm, answers_html(502), again, "HTTP 502", 10, 15},
      {kFcm, answers_html(504), again, "HTTP 504", 10, 15},
      {kFcm, {{"do", "answer"}, {"status", 500}, {"body_bytes", 1 << 20}}, again, "HTTP 500", 10, 15},
      {kFcm, answers(418, ""), later, "UNKNOWN", 15, 45},
      {kFcm, {{"do", "rst"}}, dead, "unknown outcome", 0, 0, false, 3},  // a third copy helps nobody
  };
  add_silent_rows(kFcm, rows);
  return rows;
}

inline std::vector<PushErrorRow> webpush_error_rows() {
  using enum PushFate;
  constexpr auto kWeb = PushProvider::webpush;
  std::vector<PushErrorRow> rows{
      {kWeb, answers(404, "gone"), dropped, "HTTP 404"},
      {kWeb, answers(410, "gone"), dropped, "HTTP 410"},
      {kWeb, answers(413, ""), dead, "HTTP 413"},
      {kWeb, answers(400, ""), paused, "HTTP 400"},
      {kWeb, answers(401, ""), paused, "HTTP 401"},
      {kWeb, answers(403, ""), paused, "HTTP 403"},
      {kWeb, answers(403, ""), later, "HTTP 403", 60, 90,
       true},  // our key is right: it is this subscription's
      {kWeb, answers(429, ""), later, "HTTP 429", 60, 90},
      {kWeb, answers(429, "", {{"retry_after", 2}}), again, "HTTP 429", 2, 3},
      {kWeb, answers(500, ""), again, "HTTP 500", 10, 15},
      {kWeb, answers(503, "", {{"retry_after", 2}}), again, "HTTP 503", 2, 3},
      {kWeb, answers_html(502), again, "HTTP 502", 10, 15},
      {kWeb, answers(418, ""), later, "HTTP 418", 15, 45},
  };
  add_silent_rows(kWeb, rows);
  return rows;
}

}  // namespace duet
