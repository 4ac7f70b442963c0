// store_service/config.h: the configuration of duet-store, a TOML file.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

#include "mqtt_link/broker_settings.h"
#include "protocol/payload.h"
#include "service/health_listen.h"
#include "store_service/ingest.h"

namespace duet {

struct Config {
  BrokerSettings broker;
  struct Database {
    std::filesystem::path path;   // required; made when it is not there
    std::size_t cache_mib = 160;  // what its caches hold when they are full, about; at least 8
  } database;
  struct Presence {
    std::chrono::milliseconds debounce{2000};  // debounce_ms: at most 8,000
  } presence;
  PayloadLimits limits;  // those of the broker's plugin
  std::size_t devices_per_user = 16;
  // new_conversations_per_hour, that many also at once (60; 0: no limit); require_consent; consent_messages;
  // unknown_recipients ("keep" or "refuse")
  StrangerRules strangers{.new_conversations = conversations_per_hour(60)};
  std::string log_level = "info";
  HealthListen health;               // health.listen: where it answers how it is
  std::filesystem::path ready_file;  // holds the process id while the store works; empty: none is kept
};

// Throws std::runtime_error that names file and key (and line, where there is one) for a file that cannot be
// read, a required key that is missing, an ill-typed or impossible value, and an unknown key.
Config load_config(const std::filesystem::path& file);

}  // namespace duet
