#include "service/ready_file.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "file_io/secret_file.h"

namespace duet {
namespace {

constexpr mode_t kReadableByAll = 0644;
constexpr std::chrono::seconds kRetryEvery{1};

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
  retrying_.reset();
  if (!path_.empty()) remove_file(path_);
}

void ReadyFile::open(std::uint64_t session) {
  const std::lock_guard lock(mutex_);
  if (path_.empty() || session <= closed_ || write()) return;
  due_ = true;
  if (!retrying_) retrying_.emplace([this](const std::stop_token& stop) { retry(stop); });
}

bool ReadyFile::write() {
  try {
    write_file_atomically(path_, std::to_string(getpid()) + "\n", kReadableByAll);
    return true;
  } catch (const std::runtime_error& error) {  // std::system_error included
    if (!due_) spdlog::error("the ready file cannot be written, retrying: {}", error.what());
    return false;
  }
}

void ReadyFile::retry(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait_for(lock, stop, kRetryEvery, [] { return false; });
    if (due_ && !stop.stop_requested() && write()) due_ = false;
  }
}

void ReadyFile::close(std::uint64_t session) {
  const std::lock_guard lock(mutex_);
  closed_ = std::max(closed_, session);
  due_ = false;
  if (!path_.empty()) remove_file(path_);
}

}  // namespace duet
