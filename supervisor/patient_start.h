// supervisor/patient_start.h: how the platform starts on a full disk.
//
// A first start fails: somebody is looking, and nothing is there yet to be served. Where the platform has run
// before, the start waits until there is room, as after a reset of the machine nobody may be there.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "supervisor/layout.h"
#include "supervisor/report.h"
#include "supervisor/signals.h"

namespace duet {

// One thread owns it. What it is given outlives it.
class PatientStart {
 public:
  // `on_waiting`: called, perhaps again and again, when it has said that it waits. May be empty.
  PatientStart(const Layout& layout, const Signals& signals, Report& report,
               std::function<void()> on_waiting);

  // Calls `work` until it does not fail on a full disk, with pauses of at most five seconds, and says once
  // what it waits for. Returns false when a signal asked to stop. Throws what `work` throws if that has
  // another cause, or on a first start.
  bool attempt(const std::function<void()>& work);

  // Whether processes may fail for want of room: a directory of the platform has none, which is said once.
  // Not at a first start.
  bool held_up();

 private:
  void wait_for(const std::string& what);

  const Layout layout_;
  const Signals& signals_;
  Report& report_;
  const std::function<void()> on_waiting_;
  const bool ran_before_;
  std::string told_;
};

}  // namespace duet
