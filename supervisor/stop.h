// supervisor/stop.h: `scripts/run --stop`.
#pragma once

#include <filesystem>
#include <string>

namespace duet {

// Asks the supervisor of the data directory to stop and waits until it has ended. Returns what happened as
// one line: it stopped, or nothing was running there. Throws std::runtime_error when the directory is none of
// ours, the supervisor may not be signalled, or it is still there after half a minute.
std::string stop_platform(const std::filesystem::path& data_dir);

}  // namespace duet
