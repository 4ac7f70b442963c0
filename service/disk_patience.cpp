#include "service/disk_patience.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "file_io/disk_full.h"
#include "file_io/store_error.h"

namespace duet {

DiskPatience::DiskPatience(StopSignal& stop, std::filesystem::path directory)
    : stop_(stop), directory_(std::move(directory)) {}

bool DiskPatience::passes(const std::exception& error) {
  return dynamic_cast<const StoreUnavailable*>(&error) != nullptr || is_disk_full(error);
}

bool DiskPatience::wait(const std::string& why) {
  if (why != std::exchange(told_, why)) spdlog::error("{}; waiting until it can be written, retrying", why);
  do {
    if (!pause()) return false;
  } while (!has_room());
  return true;
}

bool DiskPatience::pause() {
  const auto cause = stop_.wait_for(pause_);
  pause_ = std::min(2 * pause_, kLongestPause);
  return !cause || *cause == StopSignal::Cause::interrupted;
}

// What cannot be told is tried.
bool DiskPatience::has_room() const {
  std::error_code error;
  const auto space = std::filesystem::space(directory_, error);
  return error || space.available >= kLeastRoom;
}

void DiskPatience::succeeded() {
  if (!told_.empty()) spdlog::info("it can be written again");
  told_.clear();
  pause_ = kFirstPause;
}

bool DiskPatience::attempt(const std::function<void()>& work) {
  while (true) {
    try {
      work();
      succeeded();
      return true;
    } catch (const std::exception& error) {
      if (!passes(error)) throw;
      if (!wait(error.what())) return false;
    }
  }
}

}  // namespace duet
