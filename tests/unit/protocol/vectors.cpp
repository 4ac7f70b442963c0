#include "tests/unit/protocol/vectors.h"

#include <cstddef>
#include <fstream>
#include <stdexcept>

#include "tests/support/places.h"

namespace duet {

nlohmann::json load_vectors(std::string_view file_name, std::string_view list) {
  const std::string path = (source_dir() / "docs" / "vectors" / file_name).string();
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  return nlohmann::json::parse(file).at(std::string(list));
}

std::string expand(const nlohmann::json& text) {
  if (text.is_string()) return text.get<std::string>();
  std::string out;
  for (const auto& part : text) {
    for (std::size_t i = 0; i < part.at(1).get<std::size_t>(); ++i) out += part.at(0).get<std::string>();
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4U];
    hex += kDigits[static_cast<unsigned char>(c) & 0xfU];
  }
  return hex;
}

}  // namespace duet
