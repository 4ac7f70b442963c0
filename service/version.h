// service/version.h: the version of Duet. CMakeLists.txt reads it from here.
//
// Pure.
#pragma once

#include <string>

namespace duet {

inline constexpr const char* kVersion = "0.1.0";

// What a program prints for --version: "duet-store 0.1.0".
inline std::string version_text(const std::string& program) {
  return program + " " + kVersion;
}

}  // namespace duet
