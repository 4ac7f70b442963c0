// supervisor/platform.h: the platform on one machine: prepares the data directory, then runs broker,
// store, gateway and accounts.
#pragma once

#include <functional>

#include "supervisor/options.h"
#include "supervisor/report.h"
#include "supervisor/signals.h"

namespace duet {

struct PlatformHooks {
  std::function<void(Report&)> on_ready;  // clients can connect
  std::function<void()> on_stopping;
  // The start waits until there is room on the disk, and has said so. May be called again. May be empty.
  std::function<void(Report&)> on_waiting = {};
};

// Runs until a signal asks to stop. Throws an exception whose text is one clear line when the platform cannot
// be started. On a full disk a first start fails in this way; where the platform has run before, the start
// waits until there is room. However it ends, DIR/ready.json is gone and every process has ended.
// `options.data_dir` must be absolute.
void run_platform(const Options& options, const Signals& signals, const PlatformHooks& hooks);

// Makes a client certificate for a service on another machine (tls.services_port). Returns one line that says
// where it is. Throws as run_platform.
std::string make_service_certificate(const std::filesystem::path& data_dir, const std::string& name);

}  // namespace duet
