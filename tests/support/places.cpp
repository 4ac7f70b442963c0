#include "tests/support/places.h"

namespace duet {

std::filesystem::path source_dir() {
  return DUET_SOURCE_DIR;
}

std::filesystem::path build_dir() {
  return DUET_BUILD_DIR;
}

std::string program(std::string_view name) {
  return (build_dir() / "bin" / name).string();
}

}  // namespace duet
