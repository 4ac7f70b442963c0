// tests/unit/protocol/vectors.h: reads docs/vectors/*.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace duet {

// One list of the file. Throws when it cannot be read: a test without its vectors must fail.
nlohmann::json load_vectors(std::string_view file_name, std::string_view list);

// A string, or a list of [text, times] pairs that are repeated and joined.
std::string expand(const nlohmann::json& text);

std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

}  // namespace duet
