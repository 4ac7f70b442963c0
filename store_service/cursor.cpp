#include "store_service/cursor.h"

#include <charconv>

namespace duet {

std::string format_cursor(std::string_view epoch, LogNumber log_number) {
  return std::string(epoch) + "." + std::to_string(log_number);
}

std::optional<LogNumber> parse_cursor(std::string_view text, std::string_view epoch) {
  if (!text.starts_with(epoch)) return std::nullopt;
  text.remove_prefix(epoch.size());
  if (!text.starts_with('.')) return std::nullopt;
  text.remove_prefix(1);
  LogNumber number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // "007" is no number that format_cursor writes.
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(number) != text) {
    return std::nullopt;
  }
  return number;
}

}  // namespace duet
