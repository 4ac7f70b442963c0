// push_bridge/push_config.h: the configuration of duet-push, a TOML file.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mqtt_link/broker_settings.h"
#include "push_bridge/apns_sender.h"
#include "push_bridge/decision.h"
#include "push_bridge/fcm_sender.h"
#include "push_bridge/sender.h"
#include "push_bridge/token_memory.h"
#include "push_bridge/webpush_sender.h"
#include "service/health_listen.h"

namespace duet {

// Keys are read with the file, so that what is wrong with one is told at the start.
struct PushConfig {
  BrokerSettings broker;
  std::filesystem::path database;                 // database.path: required; made when it is not there
  DecisionRules decision;                         // grace_s, repeat_after_s, expire_after_h
  std::map<std::string, FcmOptions> fcm;          // [[fcm]], by app
  std::map<std::string, ApnsOptions> apns;        // [[apns]]; without a memory
  std::map<std::string, WebPushOptions> webpush;  // [[webpush]]
  std::filesystem::path ca_file;     // tls.ca_file: whom to believe instead of the system's authorities
  std::string log_level = "info";    // log.level
  HealthListen health;               // health.listen: where it answers how it is
  std::filesystem::path ready_file;  // holds the process id while the bridge works; empty: none is kept
};

// Throws std::runtime_error that names file and key (and line, where there is one) for a file that cannot be
// read, a required key that is missing, an ill-typed or impossible value, an unknown key, and a secret file
// that is missing, open to others or holds no such key. `now`: a clock that is before the year of the build
// is refused, for push services refuse every token of ours then.
PushConfig load_push_config(const std::filesystem::path& file, Timestamp now);

// By channel_name(). Throws std::runtime_error, naming the app, for options that cannot be used.
std::map<std::string, std::unique_ptr<Sender>> make_senders(const PushConfig& config,
                                                            const std::shared_ptr<TokenMemory>& memory);

}  // namespace duet
