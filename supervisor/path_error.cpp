#include "supervisor/path_error.h"

#include <stdexcept>
#include <system_error>

namespace duet {

void throw_path_error(const std::filesystem::path& path, const std::string& doing, int error) {
  throw std::runtime_error(path.string() + ": " + doing + ": " + std::generic_category().message(error));
}

}  // namespace duet
