#include "supervisor/path_error.h"

#include <system_error>

namespace duet {

void throw_path_error(const std::filesystem::path& path, const std::string& doing, int error) {
  throw std::system_error(error, std::generic_category(), path.string() + ": " + doing);
}

}  // namespace duet
