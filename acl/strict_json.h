// acl/strict_json.h: JSON objects of tokens and key sets. Only for acl's own .cpp files.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/result.h"

namespace duet {

// `text` as a JSON object (RFC 8259); nullopt when it is none, nested deeper than 16, or names one of
// `unique_names` twice (RFC 7515 4 and RFC 7519 4 leave that to the reader; we refuse).
std::optional<nlohmann::json> parse_strict_object(std::string_view text,
                                                  std::span<const std::string_view> unique_names);

// The string member `name` of `object`; null when there is none or it is of another type.
const std::string* find_string(const nlohmann::json& object, const char* name);

// What is wrong with a document, as a sentence.
inline Failure<std::string> failed(std::string what) {
  return Failure<std::string>(std::move(what));
}

}  // namespace duet
