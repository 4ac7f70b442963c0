#include "supervisor/patient_start.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include "file_io/disk_full.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kFirstPause{200};
constexpr std::chrono::milliseconds kLongestPause{5000};
// What a service writes at its start is less: SQLite's index of the write-ahead log has 32 KiB.
constexpr std::uintmax_t kLeastRoom = std::uintmax_t{64} * 1024;

}  // namespace

PatientStart::PatientStart(const Layout& layout, const Signals& signals, Report& report,
                           std::function<void()> on_waiting)
    : layout_(layout),
      signals_(signals),
      report_(report),
      on_waiting_(std::move(on_waiting)),
      ran_before_(fs::exists(layout.database())) {}

bool PatientStart::attempt(const std::function<void()>& work) {
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    try {
      work();
      return true;
    } catch (const std::exception& error) {
      if (!ran_before_ || !is_disk_full(error)) throw;
      wait_for(error.what());
    }
    if (Signals::asks_to_stop(signals_.wait_until(std::chrono::steady_clock::now() + pause))) return false;
  }
}

void PatientStart::wait_for(const std::string& what) {
  if (what != std::exchange(told_, what)) report_.say(what + "; the start waits until there is room");
  if (on_waiting_) on_waiting_();
}

bool PatientStart::held_up() {
  if (!ran_before_) return false;
  for (const auto& directory : layout_.directories()) {
    std::error_code error;
    const auto room = fs::space(directory, error);
    if (error || room.available >= kLeastRoom) continue;
    wait_for(directory.string() + ": there is no room on the disk");
    return true;
  }
  return false;
}

}  // namespace duet
