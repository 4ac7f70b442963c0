#include "supervisor/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace duet {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& doing, int error) {
  throw std::runtime_error(path.string() + ": " + doing + ": " + std::generic_category().message(error));
}

void make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail(path, "cannot make the directory", errno);
  if (!fs::is_directory(path)) fail(path, "cannot use it", ENOTDIR);
}

}  // namespace

void Layout::prepare() const {
  std::error_code ignored;  // the root itself says better what is wrong
  fs::create_directories(root_.parent_path(), ignored);
  make_directory(root_);
  if (::access(root_.c_str(), R_OK | W_OK | X_OK) != 0) fail(root_, "cannot write there", errno);

  for (const char* name : {"secrets", "run", "journal", "store", "log", "clients"}) {
    const fs::path path = root_ / name;
    make_directory(path);
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) fail(path, "cannot write there", errno);
    if (::chmod(path.c_str(), 0700) != 0) fail(path, "cannot close it to others", errno);
  }
}

}  // namespace duet
