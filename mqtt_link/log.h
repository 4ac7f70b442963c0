// mqtt_link/log.h: how the services write their log: one line an event, to standard error, through spdlog.
#pragma once

#include <string>

namespace duet {

// Sets the process-wide spdlog format: `2026-11-24T07:13:29.123Z info store: …` (UTC). Call once, in main.
// Throws std::invalid_argument for a level other than trace, debug, info, warn, error.
void start_log(const std::string& program, const std::string& level);

}  // namespace duet
