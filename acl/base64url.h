// acl/base64url.h: base64url without padding (RFC 4648 5), as JWS and JWK use it (RFC 7515 2).
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace duet {

std::string encode_base64url(std::string_view bytes);

// Returns nullopt for padding, white space, any other character, an impossible length, and unused bits that
// are not zero: every byte string has exactly one text, so that a token cannot be altered and still be the
// same.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace duet
