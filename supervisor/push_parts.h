// supervisor/push_parts.h: the push bridge, and the double of the push services that it may talk to instead.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "supervisor/layout.h"
#include "supervisor/options.h"
#include "supervisor/platform_config.h"
#include "supervisor/programs.h"
#include "supervisor/supervisor.h"

namespace duet {

// duet-push's configuration: `apps`, a file that says which apps there are and where their keys are, and what
// every service of the platform has. Throws std::runtime_error that names the file: it cannot be read, is not
// TOML, or sets what is ours to set.
std::string push_config(const Layout& layout, const Ports& ports, const PlatformConfig& config,
                        const std::filesystem::path& apps);

// Whether there is a bridge.
bool has_push(const Options& options, const PlatformConfig& config);

// None without push services and without their double. Throws as push_config.
std::vector<Part> push_parts(const Programs& programs, const Layout& layout, const Options& options,
                             const PlatformConfig& config, int process_lock);

}  // namespace duet
