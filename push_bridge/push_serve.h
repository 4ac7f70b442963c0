// push_bridge/push_serve.h: the bridge itself, from its configuration to its end.
#pragma once

#include <filesystem>

namespace duet {

// Returns the process's exit status when it was asked to end, or cannot go on. Throws when it cannot begin.
int serve_push(const std::filesystem::path& config_file);

}  // namespace duet
