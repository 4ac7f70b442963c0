#include "protocol/error_code.h"

#include <array>
#include <utility>

namespace duet {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 9> kCodes{{
    {ErrorCode::malformed, "malformed"},
    {ErrorCode::too_large, "too_large"},
    {ErrorCode::not_authorized, "not_authorized"},
    {ErrorCode::not_found, "not_found"},
    {ErrorCode::blocked, "blocked"},
    {ErrorCode::rate_limited, "rate_limited"},
    {ErrorCode::unavailable, "unavailable"},
    {ErrorCode::unknown_method, "unknown_method"},
    {ErrorCode::reset, "reset"},
}};

}  // namespace

std::string_view to_string(ErrorCode code) {
  for (const auto& [known, text] : kCodes) {
    if (known == code) return text;
  }
  return "unavailable";
}

std::optional<ErrorCode> parse_error_code(std::string_view text) {
  for (const auto& [code, known] : kCodes) {
    if (known == text) return code;
  }
  return std::nullopt;
}

}  // namespace duet
