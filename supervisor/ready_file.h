// supervisor/ready_file.h: DIR/ready.json, by which clients and tools find the platform.
//
//   {"mqtt": "mqtt://127.0.0.1:1883", "ws": "ws://127.0.0.1:8083/mqtt", "http": "http://127.0.0.1:8080",
//    "tls": {"mqtts": "mqtts://localhost:8883", "wss": …, "https": …, "ca": path or null},
//    "supervisor": pid, "pids": {"auth": pid, "broker": pid, "gateway": pid, "store": pid}}
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "supervisor/options.h"

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
  pid_t supervisor;
  std::map<std::string, pid_t> pids;  // by the process's name
};

// One line of JSON.
std::string format_ready(const ReadyState& state);

inline constexpr const char* kWebSocketPath = "/mqtt";

std::string mqtt_uri(const Ports& ports);
std::string websocket_uri(const Ports& ports);
std::string http_url(const Ports& ports);

}  // namespace duet
