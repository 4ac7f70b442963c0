#include "auth_service/refresh_token.h"

#include "acl/base64url.h"
#include "acl/crypto.h"

namespace duet {
namespace {

constexpr std::size_t kFamilyBytes = 16;
constexpr std::size_t kSecretBytes = 32;

}  // namespace

RefreshToken RefreshToken::fresh() {
  return {random_bytes(kFamilyBytes), random_bytes(kSecretBytes)};
}

std::optional<RefreshToken> RefreshToken::parse(std::string_view text) {
  const auto bytes = decode_base64url(text);
  if (!bytes || bytes->size() != kFamilyBytes + kSecretBytes) return std::nullopt;
  return RefreshToken(bytes->substr(0, kFamilyBytes), bytes->substr(kFamilyBytes));
}

RefreshToken RefreshToken::successor(std::string_view salt) const {
  return {family_, hmac_sha256(secret_, salt)};
}

std::string RefreshToken::hash() const {
  return sha256(secret_);
}

std::string RefreshToken::text() const {
  return encode_base64url(family_ + secret_);
}

RefreshVerdict judge(const Family& family, const RefreshToken& token, std::string_view client,
                     Timestamp now) {
  if (family.client != client) return RefreshVerdict::foreign;
  if (now >= family.ends || now >= family.idle_ends) return RefreshVerdict::over;
  const auto hash = token.hash();
  if (equal_secrets(hash, family.current)) return RefreshVerdict::rotate;
  const bool before = !family.salt.empty() && equal_secrets(hash, family.previous);
  return before ? RefreshVerdict::repeat : RefreshVerdict::reused;
}

}  // namespace duet
