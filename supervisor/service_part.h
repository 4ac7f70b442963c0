// supervisor/service_part.h: a service of ours as a part that the supervisor keeps running.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "supervisor/layout.h"
#include "supervisor/supervisor.h"

namespace duet {

// What a service of ours is, beside its name.
struct ServiceFiles {
  std::filesystem::path program;
  std::filesystem::path config;
  std::filesystem::path ready_file;
};

// Logs to a file of its name. `process_lock`: held open by every process of the platform.
ProcessSpec service_spec(const std::string& name, std::vector<std::string> command, const Layout& layout,
                         int process_lock);

// Started with --config; ready when its ready file names it.
Part service_part(const std::string& name, const ServiceFiles& files, const Layout& layout, int process_lock);

// Whether the file holds this process id.
bool names_process(const std::filesystem::path& ready_file, pid_t pid);

}  // namespace duet
