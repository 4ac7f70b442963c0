#include "push_bridge/apns_answer.h"

#include <algorithm>
#include <array>

#include "protocol/json_fields.h"
#include "push_bridge/judging.h"

namespace duet {
namespace {

using ApnsMeaning = ApnsAnswer::Meaning;

struct KnownReason {
  std::string_view reason;
  ApnsMeaning meaning;
};

constexpr std::array<KnownReason, 33> kReasons{{
    {"BadDeviceToken", ApnsMeaning::suspect},
    {"DeviceTokenNotForTopic", ApnsMeaning::suspect},
    {"TopicDisallowed", ApnsMeaning::configuration},
    {"MissingTopic", ApnsMeaning::configuration},
    {"BadTopic", ApnsMeaning::configuration},
    {"BadCollapseId", ApnsMeaning::our_mistake},
    {"BadExpirationDate", ApnsMeaning::our_mistake},
    {"BadMessageId", ApnsMeaning::our_mistake},
    {"BadPriority", ApnsMeaning::our_mistake},
    {"InvalidPushType", ApnsMeaning::our_mistake},
    {"DuplicateHeaders", ApnsMeaning::our_mistake},
    {"PayloadEmpty", ApnsMeaning::our_mistake},
    {"MissingDeviceToken", ApnsMeaning::our_mistake},
    {"IdleTimeout", ApnsMeaning::connection_ends},
    {"ExpiredProviderToken", ApnsMeaning::token_expired},
    {"InvalidProviderToken", ApnsMeaning::configuration},
    {"MissingProviderToken", ApnsMeaning::configuration},
    {"Forbidden", ApnsMeaning::configuration},
    {"BadCertificate", ApnsMeaning::configuration},
    {"BadCertificateEnvironment", ApnsMeaning::configuration},
    {"UnrelatedKeyIdInToken", ApnsMeaning::other_connection},
    {"BadEnvironmentKeyIdInToken", ApnsMeaning::configuration},
    {"BadEnvironmentKeyInToken", ApnsMeaning::configuration},  // what Apple's text calls the one above
    {"BadPath", ApnsMeaning::our_mistake},
    {"MethodNotAllowed", ApnsMeaning::our_mistake},
    {"Unregistered", ApnsMeaning::gone},
    {"ExpiredToken", ApnsMeaning::gone},
    {"PayloadTooLarge", ApnsMeaning::our_mistake},
    {"TooManyRequests", ApnsMeaning::too_many},
    {"TooManyProviderTokenUpdates", ApnsMeaning::token_too_new},
    {"InternalServerError", ApnsMeaning::server_error},
    {"ServiceUnavailable", ApnsMeaning::server_error},
    {"Shutdown", ApnsMeaning::connection_ends},
}};

ApnsMeaning meaning_of_status(int status) {
  if (status == 403) return ApnsMeaning::configuration;
  if (status == 404 || status == 405 || status == 413) return ApnsMeaning::our_mistake;
  if (status == 410) return ApnsMeaning::gone;
  if (status == 429) return ApnsMeaning::too_many;
  return is_server_error(status) ? ApnsMeaning::server_error : ApnsMeaning::not_understood;
}

}  // namespace

ApnsAnswer parse_apns_answer(int status, std::string_view body) {
  if (status == 200) return {ApnsMeaning::accepted, "accepted", {}};
  ApnsAnswer answer{meaning_of_status(status), http_reason(status), {}};
  static constexpr std::array<std::string_view, 2> kNames{"reason", "timestamp"};
  const auto fields = parse_json_fields(body, kNames);
  if (!fields) return answer;
  if (const auto* reason = std::get_if<std::string>(&fields->at(0));
      reason != nullptr && is_reason(*reason)) {
    answer.reason = *reason;
    const auto* const known = std::ranges::find(kReasons, *reason, &KnownReason::reason);
    if (known != kReasons.end()) answer.meaning = known->meaning;
  }
  if (answer.meaning == ApnsMeaning::gone && status != 410) answer.meaning = ApnsMeaning::suspect;
  const auto* timestamp = std::get_if<std::uint64_t>(&fields->at(1));
  if (answer.meaning == ApnsMeaning::gone && timestamp != nullptr && *timestamp <= kMaxSeq) {
    answer.gone_at = Timestamp(std::chrono::milliseconds(*timestamp));
  }
  return answer;
}

std::vector<std::string_view> known_apns_reasons() {
  std::vector<std::string_view> reasons;
  reasons.reserve(kReasons.size());
  for (const auto& known : kReasons) reasons.push_back(known.reason);
  return reasons;
}

}  // namespace duet
