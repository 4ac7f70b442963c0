// supervisor/platform_health.h: how the platform's processes are, asked again and again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "service/health.h"
#include "service/health_listen.h"
#include "service/health_server.h"

namespace duet {

// One process, and how to ask it. `ask` is called on a thread of its own and may wait for a few seconds; it
// throws nothing.
struct AskedPart {
  std::string name;
  std::function<HealthReport()> ask;
};

// By the name of the process.
using PartReports = std::map<std::string, HealthReport>;

// The platform is live and ready when all of its processes are, and nothing else is wrong.
HealthReport verdict_of(const PartReports& parts, const std::optional<std::string>& trouble);

// Asks each process once a second, on a thread of its own, so that one that hangs hides no other. Until then
// all count as ready: the supervisor has just seen that. Answers for the platform as a whole over HTTP.
// Thread-safe.
class PlatformHealth {
 public:
  explicit PlatformHealth(std::vector<AskedPart> parts);
  ~PlatformHealth();
  PlatformHealth(const PlatformHealth&) = delete;
  PlatformHealth& operator=(const PlatformHealth&) = delete;

  // Begins to ask and to listen. Throws std::runtime_error when it cannot listen. Call once, and fork no more
  // without exec.
  void start(const HealthListen& listen);

  // What is wrong that no process can tell; nullopt: nothing.
  void set_trouble(std::optional<std::string> trouble);

  PartReports parts() const;
  HealthReport verdict() const;

 private:
  const std::vector<AskedPart> asked_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  PartReports reports_;
  std::optional<std::string> trouble_;
  std::vector<std::jthread> threads_;     // these end before the rest goes
  std::unique_ptr<HealthServer> server_;  // set after start()
};

}  // namespace duet
