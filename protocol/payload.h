// protocol/payload.h: what clients publish (docs/protocol.md sections 2 and 4), parsed.
//
// Every parser is a pure function and refuses with `malformed` or `too_large`; its result holds only what the
// contract allows. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/error_code.h"
#include "protocol/names.h"
#include "protocol/result.h"

namespace duet {

// docs/protocol.md section 6.
struct PayloadLimits {
  std::size_t body_bytes = std::size_t{32} * 1024;  // of UTF-8, decoded
  // Of a `msg` as published: a body in which every byte is escaped (\uXXXX) and what stands around it.
  std::size_t message_payload_bytes = std::size_t{200} * 1024;
  std::size_t other_payload_bytes = std::size_t{4} * 1024;  // of anything else
};

inline constexpr std::string_view kDefaultMessageType = "text/plain";

struct MessagePayload {
  std::optional<MessageId> id;
  std::string body;  // UTF-8 without U+0000, may be empty
  std::string type;  // a media type, 1 to 127 bytes of visible ASCII and space (RFC 6838 4.2)
};
Result<MessagePayload, Refusal> parse_message(std::string_view payload, const PayloadLimits& limits);

// Cumulative: every message up to this seq. At least one is set; read implies delivered.
struct ReceiptPayload {
  Seq delivered = 0;  // >= read
  Seq read = 0;       // 0: not said
};
Result<ReceiptPayload, Refusal> parse_receipt(std::string_view payload, const PayloadLimits& limits);

// A user types for so long after a `true`, unless another one or a `false` comes.
inline constexpr std::chrono::seconds kTypingExpiry{10};
Result<bool, Refusal> parse_typing(std::string_view payload, const PayloadLimits& limits);

enum class DeviceState : std::uint8_t { offline, online };
Result<DeviceState, Refusal> parse_presence(std::string_view payload, const PayloadLimits& limits);

// The push registration as far as all parts need it; the push bridge reads the token itself.
struct PushPayload {
  std::string platform;  // "fcm", "apns", "webpush"; empty: the registration is removed
};
Result<PushPayload, Refusal> parse_push(std::string_view payload, const PayloadLimits& limits);

// A request of section 4. Which parameters a method takes is the method's business; the types are the same
// for all.
struct RequestPayload {
  std::string req;  // 1 to 64 bytes
  std::optional<UserId> with;
  std::optional<Seq> before_seq;
  std::optional<std::string> before_cursor;  // `before` when it is a string, at most 256 bytes
  std::optional<Seq> after;
  std::optional<std::string> cursor;  // at most 256 bytes
  std::optional<std::uint64_t> limit;
  std::optional<Timestamp> until;
  std::optional<std::uint64_t> max_bytes;  // the largest packet that the device can receive
};

// `req` is set also in a refusal when it could be read, so that the answer finds its question.
struct RequestRefusal {
  std::string req;
  Refusal refusal;
};
Result<RequestPayload, RequestRefusal> parse_request(std::string_view payload, const PayloadLimits& limits);

// The `id` of a message payload that was refused, for the error that is told to its device: best effort.
std::optional<MessageId> find_message_id(std::string_view payload);

// The client's side of the above.
std::string format_message(const MessagePayload& message);
std::string format_receipt(const ReceiptPayload& receipt);
std::string format_typing(bool typing);
std::string format_presence(DeviceState state);
std::string format_request(const RequestPayload& request);

}  // namespace duet
