// protocol/json_members.h: the members of a parsed JSON object, where text that is not of the form is refused
// as a whole. Each returns nullopt (false) for a member that is absent or of another kind. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "protocol/names.h"

namespace duet {

inline std::optional<std::string> string_at(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

// A whole number that every JSON reader agrees on (RFC 8259 6).
inline std::optional<std::uint64_t> number_at(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_number_unsigned()) return std::nullopt;
  const auto number = it->get<std::uint64_t>();
  return number <= kMaxSeq ? std::optional(number) : std::nullopt;
}

template <typename Id>
std::optional<Id> name_at(const nlohmann::json& object, const char* name) {
  const auto text = string_at(object, name);
  return text ? Id::parse(*text) : std::nullopt;
}

inline bool flag_at(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

inline Timestamp to_timestamp(std::uint64_t ms) {
  return Timestamp(std::chrono::milliseconds(ms));
}

}  // namespace duet
