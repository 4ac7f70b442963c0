// tests/support/bystanders.h: two users who talk while somebody attacks the platform, and how they fare.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/load.h"

namespace duet {

// They talk from construction on. Used by one thread.
class Bystanders {
 public:
  using Duration = Chatter::Clock::duration;

  // `name`: see LoadSpec.
  Bystanders(const TestPlatform& platform, const std::string& name, Entrance entrance = Entrance::broker);

  // How many messages of theirs were confirmed (publish to `sent`) since the last take().
  std::size_t confirmed() const;
  // How long each of those took, ascending; forgets them.
  std::vector<Duration> take();
  // Ends the talk. Everything must have come by itself: nobody had to connect again.
  Load::Judgement finish() const { return load_.finish(Load::Connections::kept); }

 private:
  void note(Chatter::Clock::time_point published);

  mutable std::mutex mutex_;
  std::vector<Duration> latencies_;  // guarded by mutex_
  Load load_;                        // last: it tells us
};

// Nearest rank, of at least one value, ascending.
Bystanders::Duration percentile(const std::vector<Bystanders::Duration>& ascending, double percent);

}  // namespace duet
