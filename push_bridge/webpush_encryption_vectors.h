// push_bridge/webpush_encryption_vectors.h: the steps of webpush_encryption.h with numbers that are given.
// Only for webpush_encryption.cpp and for the test that compares them with the RFCs' examples: two messages
// under the same numbers give both away.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace duet::not_for_sending {

// RFC 8188 2: header and one record, which is the last, with padding for a plaintext that has not `padded_to`
// bytes. Preconditions: 16 bytes of salt; keyid below 256 bytes.
std::string encode_aes128gcm(std::string_view plaintext, std::string_view keying_material,
                             std::string_view salt, std::string_view keyid, std::size_t padded_to = 0);

// RFC 8291 3.4: `sender_private` is the number (32 bytes) whose point is `sender_public` (65 bytes).
Result<std::string, std::string> encrypt_web_push(std::string_view plaintext, std::string_view key,
                                                  std::string_view secret, std::string_view sender_private,
                                                  std::string_view sender_public, std::string_view salt);

}  // namespace duet::not_for_sending
