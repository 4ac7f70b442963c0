#include "acl/strict_json.h"

#include "protocol/json_fields.h"

namespace duet {

std::optional<nlohmann::json> parse_strict_object(std::string_view text,
                                                  std::span<const std::string_view> unique_names) {
  if (!parse_json_fields(text, unique_names)) return std::nullopt;
  auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  return object;
}

const std::string* find_string(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() ? member->get_ptr<const std::string*>() : nullptr;
}

}  // namespace duet
