// auth_service/opaque_string.h: one form for the texts that look alike (RFC 8265 4.2, OpaqueString).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

// Every space that is not ASCII's (Unicode's category Zs) becomes U+0020, then the text is normalized to NFC.
// Case and width stay. Returns nullopt for a text that is empty, is not UTF-8, has a control character (Cc),
// or has more than kMaxOpaqueInput bytes. Code points that Unicode has not assigned, and those that are
// ignored by default (joiners in emoji), are allowed, though RFC 8264's FreeformClass is without them. Pure;
// thread-safe.
std::optional<std::string> opaque_string(std::string_view text);

// Bounds the work. NFC is at most three times as long in another normalization form (UAX 15, 12.1).
inline constexpr std::size_t kMaxOpaqueInput = 3 * std::size_t{1024};

}  // namespace duet
