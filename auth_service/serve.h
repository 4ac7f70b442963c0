// auth_service/serve.h: the command `duet-auth serve`.
#pragma once

#include <filesystem>

namespace duet {

// Serves until SIGINT or SIGTERM. Returns the exit status. Throws when it cannot begin.
int serve_auth(const std::filesystem::path& config_file);

}  // namespace duet
