// acl/crypto.h: the few primitives of OpenSSL that tokens and secrets need.
//
// Thread-safe. All throw std::runtime_error when OpenSSL cannot (no entropy).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace duet {

std::string random_bytes(std::size_t count);
std::string sha256(std::string_view bytes);                               // 32 bytes
std::string hmac_sha256(std::string_view key, std::string_view message);  // RFC 2104, 32 bytes
// In a time that depends on the lengths only.
bool equal_secrets(std::string_view one, std::string_view other);

}  // namespace duet
