// service/ask.h: asks another process, once, whether it does its work.
//
// Blocking, for at most the given time. Thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "protocol/result.h"
#include "service/health.h"
#include "service/health_listen.h"

namespace duet {

// GET /healthz/ready where a HealthServer, or a service with an HTTP server of its own, listens. The error
// says why there is no report: "connection refused", "no answer for 3 s".
Result<HealthReport, std::string> ask_health(const HealthListen& where, std::chrono::milliseconds patience);

// Whether the broker's loop turns: a CONNECT of an MQTT version that there is not, which Mosquitto answers
// with CONNACK (MQTT 3.1.1 3.2.2.3, return code 1) before it asks the plugin. It takes no token, makes no
// session and writes no line to the broker's log (but at a unix socket, where Mosquitto cannot set
// TCP_NODELAY and says so). Returns what is wrong, or nullopt.
std::optional<std::string> ping_broker(const HealthListen& where, std::chrono::milliseconds patience);

}  // namespace duet
