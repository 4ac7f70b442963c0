// tests/unit/supervisor/text_file.h: small files, whole.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace duet {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace duet
