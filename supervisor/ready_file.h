// supervisor/ready_file.h: DIR/ready.json, by which clients and tools find the platform.
//
//   {"mqtt": "mqtt://127.0.0.1:1883", "ws": "ws://127.0.0.1:8083/mqtt", "http": "http://127.0.0.1:8080",
//    "tls": {"mqtts": "mqtts://localhost:8883", "wss": …, "https": …, "ca": path or null},
//    "ready": true, "reasons": [], "processes": {"broker": {"ready": true, "live": true, "reasons": []}, …},
//    "supervisor": pid, "pids": {"auth": pid, "broker": pid, "gateway": pid, "store": pid}}
//
// The file exists from when clients could first connect until the platform stops. `ready` says whether they
// can now, and `processes` of each process whether it does its work; times are left out of the reasons, so
// that the file is written again only when something has changed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "service/health.h"
#include "supervisor/options.h"
#include "supervisor/platform_health.h"

namespace duet {

// Of the front door.
struct TlsAddresses {
  std::string mqtts;
  std::string wss;
  std::string https;
  std::optional<std::string> ca;  // the file of the authority to be trusted; none: one that all trust
};

struct ReadyState {
  Ports ports;
  bool http = true;                   // whether something listens there; `http` is null otherwise
  std::optional<TlsAddresses> tls{};  // `tls` is left out without
  HealthReport health{};              // of the platform
  PartReports parts{};                // of each process
  pid_t supervisor;
  std::map<std::string, pid_t> pids;  // by the process's name
};

// One line of JSON.
std::string format_ready(const ReadyState& state);

// Replaces the file. Where there is no room for another one (a full disk) it is written over in place, as old
// news would be false. Throws std::system_error when that fails too.
void write_ready(const std::filesystem::path& file, const std::string& text);

inline constexpr const char* kWebSocketPath = "/mqtt";

std::string mqtt_uri(const Ports& ports);
std::string websocket_uri(const Ports& ports);
std::string http_url(const Ports& ports);

}  // namespace duet
