// auth_service/refresh_token.h: refresh tokens (RFC 6749 1.5), their rotation and what a repeated one means.
//
// A token is base64url of 16 bytes that name its family (one login) and of a 256-bit secret, of which the
// database has the SHA-256 only. Each refresh replaces the secret by
//
//   HMAC-SHA256(key: the secret presented, message: a fresh random salt)
//
// The salt is kept beside the hash of the old secret until the successor is used for the first time. So a
// client that lost the answer and repeats the request gets the same successor, however late, although the
// database does not have it: it takes the old secret to make it. docs/adr/0011-refresh-rotation.md. Pure
// values; thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/names.h"

namespace duet {

class RefreshToken {
 public:
  static RefreshToken fresh();
  static std::optional<RefreshToken> parse(std::string_view text);

  RefreshToken successor(std::string_view salt) const;

  const std::string& family() const { return family_; }  // 16 bytes
  std::string hash() const;                              // SHA-256 of the secret
  std::string text() const;                              // for the client alone

 private:
  RefreshToken(std::string family, std::string secret)
      : family_(std::move(family)), secret_(std::move(secret)) {}

  std::string family_;
  std::string secret_;
};

// What is stored of a family.
struct Family {
  std::int64_t account;
  UserId user;
  std::string client;
  std::optional<DeviceId> device;
  Timestamp ends;
  Timestamp idle_ends;
  std::string current;  // hashes
  std::string previous;
  std::string salt;
  Timestamp rotated;
};

enum class RefreshVerdict : std::uint8_t {
  rotate,   // the current token
  repeat,   // the one before, and its successor was not used yet: answer with the same successor
  reused,   // an older one, whose successor was used: somebody else has a token of this login
  foreign,  // another client's
  over,     // the family has come to its end
};
RefreshVerdict judge(const Family& family, const RefreshToken& token, std::string_view client, Timestamp now);

}  // namespace duet
