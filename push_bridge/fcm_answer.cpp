#include "push_bridge/fcm_answer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "protocol/json_fields.h"
#include "push_bridge/judging.h"

namespace duet {
namespace {

using nlohmann::json;
using FcmMeaning = FcmAnswer::Meaning;

constexpr std::string_view kFcmError = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
constexpr std::string_view kBadRequest = "type.googleapis.com/google.rpc.BadRequest";
constexpr std::string_view kBadToken = "The registration token is not a valid FCM registration token";

// Of an answer's `error` (google.rpc.Status).
struct FcmError {
  std::string code;  // FCM's own, of `details`
  std::string status;
  std::string message;
  bool fields_are_bad = false;  // a google.rpc.BadRequest says that it is the request
};

std::string text_of(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

FcmError parse_fcm_error(std::string_view body) {
  FcmError found;
  // First what bounds the depth, as json::parse does not.
  static constexpr std::span<const std::string_view> kNoNames;
  if (!parse_json_fields(body, kNoNames)) return found;
  const auto answer = json::parse(body, nullptr, false);
  const auto error = answer.find("error");
  if (error == answer.end() || !error->is_object()) return found;
  found.status = text_of(*error, "status");
  found.message = text_of(*error, "message");
  const auto details = error->find("details");
  if (details == error->end() || !details->is_array()) return found;
  for (const auto& detail : *details) {
    if (!detail.is_object()) continue;
    const auto type = text_of(detail, "@type");
    if (type == kFcmError) found.code = text_of(detail, "errorCode");
    found.fields_are_bad = found.fields_are_bad || type == kBadRequest;
  }
  return found;
}

FcmMeaning meaning_of(int status, const FcmError& error) {
  switch (status) {
    case 400: {
      // The same code is for a token that is none, and for a request that is ours to mend.
      const bool token =
          error.code == "INVALID_ARGUMENT" && !error.fields_are_bad && error.message.starts_with(kBadToken);
      return token ? FcmMeaning::suspect : FcmMeaning::our_mistake;
    }
    case 401:
      return error.code == "THIRD_PARTY_AUTH_ERROR" ? FcmMeaning::configuration : FcmMeaning::token_expired;
    case 403:
      return error.code == "SENDER_ID_MISMATCH" ? FcmMeaning::suspect : FcmMeaning::configuration;
    case 404:  // otherwise it is the path, which has our project in it
      return error.code == "UNREGISTERED" ? FcmMeaning::gone : FcmMeaning::configuration;
    case 413:
      return FcmMeaning::our_mistake;
    case 429:
      return FcmMeaning::too_many;
    default:
      return is_server_error(status) ? FcmMeaning::server_error : FcmMeaning::not_understood;
  }
}

}  // namespace

FcmAnswer parse_fcm_answer(int status, std::string_view body) {
  if (status == 200) return {FcmMeaning::accepted, "accepted"};
  const auto error = parse_fcm_error(body);
  FcmAnswer answer{meaning_of(status, error), http_reason(status)};
  if (is_reason(error.status)) answer.reason = error.status;
  if (is_reason(error.code)) answer.reason = error.code;
  return answer;
}

Result<AccessGrant, std::string> parse_access_grant(std::string_view body) {
  static constexpr std::array<std::string_view, 3> kNames{"access_token", "expires_in", "token_type"};
  const auto fields = parse_json_fields(body, kNames);
  if (!fields) return Failure<std::string>("the answer is not a JSON object");
  const auto* token = std::get_if<std::string>(&fields->at(0));
  const auto* expires_in = std::get_if<std::uint64_t>(&fields->at(1));
  const auto* type = std::get_if<std::string>(&fields->at(2));
  constexpr std::size_t kMostBytes = 4096;
  // It goes into a header as it is (RFC 6750 2.1).
  const bool usable =
      token != nullptr && !token->empty() && token->size() <= kMostBytes &&
      token->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=") ==
          std::string::npos;
  if (!usable) return Failure<std::string>("the answer has no usable access_token");
  if (type != nullptr && *type != "Bearer" && *type != "bearer")
    return Failure<std::string>("the token_type is not Bearer");
  constexpr std::uint64_t kMostSeconds = 86'400;
  if (expires_in == nullptr || *expires_in == 0 || *expires_in > kMostSeconds) {
    return Failure<std::string>("expires_in is not within a day");
  }
  return AccessGrant{*token, std::chrono::seconds(*expires_in)};
}

std::string parse_grant_error(int status, std::string_view body) {
  static constexpr std::array<std::string_view, 1> kNames{"error"};
  const auto fields = parse_json_fields(body, kNames);
  if (!fields) return http_reason(status);
  const auto* error = std::get_if<std::string>(&fields->front());
  return error != nullptr && is_reason(*error) ? *error : http_reason(status);
}

}  // namespace duet
