// broker_plugin/plugin_health.h: what the plugin knows of the broker's health, told to who asks.
#pragma once

#include <atomic>
#include <chrono>

#include "broker_plugin/gate_status.h"
#include "broker_plugin/options.h"
#include "service/health.h"
#include "service/health_server.h"

namespace duet {

// Answers on a thread of its own, which never touches the broker. note() is the broker's thread's.
class PluginHealth {
 public:
  // Listens from here on, and tells systemd. Throws std::runtime_error when it cannot listen.
  explicit PluginHealth(const Options& options);

  // Whether it is time for the next note(): the loop turns thousands of times a second when there is much to
  // do.
  bool due(Health::Clock::time_point now) const { return now - turned_.load() >= kNoteInterval; }
  // In a turn of the broker's loop.
  void note(const GateStatus& status, Health::Clock::time_point now);

  static constexpr std::chrono::milliseconds kNoteInterval{100};

 private:
  Health health_;
  Health::Loop& loop_;
  Health::State& store_;
  Health::State& journal_;
  std::atomic<Health::Clock::time_point> turned_;
  HealthServer server_;  // last: its thread reads the rest
};

}  // namespace duet
