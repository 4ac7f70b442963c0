#include "push_bridge/vapid.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "acl/base64url.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

constexpr std::chrono::hours kVapidLife{12};
constexpr std::chrono::hours kVapidUse{11};
// A client chooses the host below an allowed domain.
constexpr std::size_t kMostOrigins = 1'000;

std::string point_of_jwk(const std::string& jwk) {
  const auto members = nlohmann::json::parse(jwk);
  const auto coordinate = [&](const char* name) {
    return decode_base64url(members.at(name).get_ref<const std::string&>()).value();
  };
  return encode_base64url("\x04" + coordinate("x") + coordinate("y"));
}

}  // namespace

Vapid::Vapid(std::string subject, SigningKey key)
    : subject_(std::move(subject)), key_(std::move(key)), public_key_(point_of_jwk(key_.public_jwk())) {}

std::string Vapid::authorization(const std::string& origin, Timestamp now) {
  const auto found = tokens_.find(origin);
  const bool usable =
      found != tokens_.end() && now >= found->second.issued_at && now < found->second.issued_at + kVapidUse;
  if (!usable) {
    if (tokens_.size() >= kMostOrigins) tokens_.clear();
    const auto expires_at = std::chrono::floor<std::chrono::seconds>(now + kVapidLife).time_since_epoch();
    const auto claims = dump({{"aud", origin}, {"exp", expires_at.count()}, {"sub", subject_}});
    tokens_.insert_or_assign(origin, Token{key_.sign_jws(R"({"typ":"JWT","alg":"ES256"})", claims), now});
  }
  return "vapid t=" + tokens_.at(origin).text + ", k=" + public_key_;
}

}  // namespace duet
