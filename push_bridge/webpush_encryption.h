// push_bridge/webpush_encryption.h: messages that only the browser can read (RFC 8291, with the content
// coding aes128gcm of RFC 8188).
//
// Thread-safe. Throws std::runtime_error when OpenSSL cannot (no entropy).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace duet {

// A push service need not take more than 4096 bytes, of which 103 are not the message (RFC 8291 4).
inline constexpr std::size_t kMostWebPushBytes = 4096;
inline constexpr std::size_t kMostWebPushPlaintextBytes = kMostWebPushBytes - 103;

// The body of a push to the subscription with that `key` (p256dh, 65 bytes) and `secret` (auth, 16 bytes).
// Sender's key and salt are new each time. A shorter plaintext is padded to `padded_to` bytes (RFC 8188 2),
// at most kMostWebPushPlaintextBytes, so that its length says nothing. The error says, without secrets, what
// is wrong with the subscription or the message.
Result<std::string, std::string> encrypt_web_push(std::string_view plaintext, std::string_view key,
                                                  std::string_view secret, std::size_t padded_to = 0);

}  // namespace duet
