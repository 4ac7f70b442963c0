#include "supervisor/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "file_io/file.h"
#include "supervisor/path_error.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

void make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw_path_error(path, "cannot make the directory", errno);
  if (!fs::is_directory(path)) throw_path_error(path, "cannot use it", ENOTDIR);
}

}  // namespace

std::vector<fs::path> Layout::directories() const {
  std::vector<fs::path> paths{root_};
  for (const char* name : {"secrets", "secrets/keys", "run", "journal", "store", "auth", "push", "issuers",
                           "log", "tls", "clients"}) {
    paths.push_back(root_ / name);
  }
  return paths;
}

void Layout::prepare() const {
  std::error_code ignored;  // the root itself says better what is wrong
  fs::create_directories(root_.parent_path(), ignored);
  const bool is_new = !fs::exists(root_);
  make_directory(root_);
  if (::access(root_.c_str(), R_OK | W_OK | X_OK) != 0) throw_path_error(root_, "cannot write there", errno);

  for (const auto& path : directories()) {
    if (path == root_) continue;
    make_directory(path);
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) throw_path_error(path, "cannot write there", errno);
    if (::chmod(path.c_str(), 0700) != 0) throw_path_error(path, "cannot close it to others", errno);
  }
  // What is synced inside is kept by a power cut only if the directories are.
  sync_directory(root_);
  if (is_new) sync_directory(fs::absolute(root_).parent_path());
}

}  // namespace duet
