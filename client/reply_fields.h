// client/reply_fields.h: members of what the store answers. What is missing or of another type counts as
// empty.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace duet {

inline const nlohmann::json* find_member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

inline std::string text_member(const nlohmann::json& object, const char* name) {
  const auto* value = find_member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

inline bool true_member(const nlohmann::json& object, const char* name) {
  const auto* value = find_member(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

inline std::uint64_t number_member(const nlohmann::json& object, const char* name) {
  const auto* value = find_member(object, name);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

inline const nlohmann::json& list_member(const nlohmann::json& object, const char* name) {
  static const auto none = nlohmann::json::array();
  const auto* value = find_member(object, name);
  return value != nullptr && value->is_array() ? *value : none;
}

}  // namespace duet
