// protocol/error_code.h: the error codes a client can be told (docs/protocol.md section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace duet {

enum class ErrorCode : std::uint8_t {
  malformed,
  too_large,
  not_authorized,
  not_found,
  blocked,
  rate_limited,
  unavailable,
  unknown_method,
  reset,
};

// The code as it stands on the wire: "malformed", "too_large", …
std::string_view to_string(ErrorCode code);
// Returns nullopt for a code this version does not know.
std::optional<ErrorCode> parse_error_code(std::string_view text);

// Why something a client asked for was not done. `message` is a sentence for its developer; it never
// holds a body, a token or anything about a third user.
struct Refusal {
  ErrorCode code;
  std::string message;
  // too_large: the least packet, in bytes, with which the device would get what it asked for or was sent.
  std::optional<std::uint64_t> max_bytes = std::nullopt;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

inline Failure<Refusal> refuse(ErrorCode code, std::string message) {
  return Failure<Refusal>(Refusal{code, std::move(message)});
}

}  // namespace duet
