// service/disk_patience.h: a service that cannot write waits until it can.
#pragma once

#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>

#include "service/stop_signal.h"

namespace duet {

// One thread owns it: main. The stop signal outlives it.
class DiskPatience {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{100};
  static constexpr std::chrono::milliseconds kLongestPause{5000};
  // Less is no room: what fails again at once would only be done by halves, again and again.
  static constexpr std::uintmax_t kLeastRoom = std::uintmax_t{1024} * 1024;

  // `directory`: where the service writes.
  DiskPatience(StopSignal& stop, std::filesystem::path directory);

  // Whether a failure passes by itself: StoreUnavailable, or a full disk.
  static bool passes(const std::exception& error);

  // After a failure, of which the log is told unless it was the last one too: waits for a time that doubles
  // with each call, and until there is room in the directory. False: somebody asked to stop.
  bool wait(const std::string& why);
  // It works again.
  void succeeded();

  // Calls `work` until its failures pass. False: somebody asked to stop meanwhile. Throws what does not pass.
  bool attempt(const std::function<void()>& work);

 private:
  bool pause();
  bool has_room() const;

  StopSignal& stop_;
  const std::filesystem::path directory_;
  std::chrono::milliseconds pause_ = kFirstPause;
  std::string told_;
};

}  // namespace duet
