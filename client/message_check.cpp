#include "client/message_check.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "protocol/json_codec.h"
#include "protocol/payload.h"

namespace duet {
namespace {

// The broker ends a connection that sends a larger packet than 256 KiB, and a message that ends every
// connection could never be got rid of. This leaves room for topic and properties.
constexpr std::size_t kMaxPayloadBytes = std::size_t{250} * 1024;

constexpr PayloadLimits kNoLimits{
    .body_bytes = kMaxPayloadBytes, .message_payload_bytes = kMaxPayloadBytes, .other_payload_bytes = 0};

}  // namespace

std::string random_name() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "no random bytes");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name;
  for (const auto byte : bytes) {
    name.push_back(kDigits[byte >> 4U]);
    name.push_back(kDigits[byte & 0x0FU]);
  }
  return name;
}

MessageId random_message_id() {
  return MessageId::parse(random_name()).value();
}

std::optional<Refusal> check_message(const UserId& me, const UserId& peer, const std::string& body,
                                     const std::string& type) {
  if (me == peer) return Refusal{ErrorCode::malformed, "a conversation has two users"};
  if (body.size() > kMaxPayloadBytes) return Refusal{ErrorCode::too_large, "the body is too large"};
  if (!is_utf8(body) || !is_utf8(type)) return Refusal{ErrorCode::malformed, "the message is not UTF-8"};
  // Written and read again, so that there is one place that knows what a message may be.
  const auto parsed =
      parse_message(format_message({.id = std::nullopt, .body = body, .type = type}), kNoLimits);
  if (!parsed) return parsed.error();
  return std::nullopt;
}

}  // namespace duet
