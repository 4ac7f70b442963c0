#include "supervisor/conf_template.h"

#include <algorithm>
#include <set>

namespace duet {
namespace {

bool is_place_character(char c) {
  return (c >= 'A' && c <= 'Z') || c == '_';
}

bool stays_on_its_line(const std::string& value) {
  return std::none_of(value.begin(), value.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Result<std::string, std::string> fill_template(std::string_view text,
                                               const std::map<std::string, std::string>& values) {
  std::string filled;
  std::set<std::string> used;
  while (!text.empty()) {
    const auto at = text.find('@');
    filled += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at + 1);
    const auto end = std::find_if_not(text.begin(), text.end(), is_place_character);
    const std::string name(text.begin(), end);
    if (name.empty() || end == text.end() || *end != '@') {
      filled += '@';
      continue;
    }
    const auto value = values.find(name);
    if (value == values.end()) return Failure<std::string>("there is no value for @" + name + "@");
    if (!stays_on_its_line(value->second)) {
      return Failure<std::string>("the value for @" + name + "@ has a control character");
    }
    filled += value->second;
    used.insert(name);
    text.remove_prefix(name.size() + 1);
  }
  for (const auto& [name, value] : values) {
    if (used.count(name) == 0) return Failure<std::string>("@" + name + "@ does not occur");
  }
  return filled;
}

}  // namespace duet
