#include "service/ready_file.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "file_io/secret_file.h"

namespace duet {
namespace {

constexpr mode_t kReadableByAll = 0644;

void remove_file(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) spdlog::error("cannot remove {}: {}", path.string(), error.message());
}

}  // namespace

ReadyFile::ReadyFile(std::filesystem::path path) : path_(std::move(path)) {
  if (!path_.empty()) remove_file(path_);
}

ReadyFile::~ReadyFile() {
  if (!path_.empty()) remove_file(path_);
}

void ReadyFile::open(std::uint64_t session) {
  const std::lock_guard lock(mutex_);
  if (path_.empty() || session <= closed_) return;
  try {
    write_file_atomically(path_, std::to_string(getpid()) + "\n", kReadableByAll);
  } catch (const std::runtime_error& error) {  // std::system_error included
    spdlog::error("the ready file cannot be written: {}", error.what());
  }
}

void ReadyFile::close(std::uint64_t session) {
  const std::lock_guard lock(mutex_);
  closed_ = std::max(closed_, session);
  if (!path_.empty()) remove_file(path_);
}

}  // namespace duet
