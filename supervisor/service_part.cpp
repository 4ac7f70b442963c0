#include "supervisor/service_part.h"

#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace duet {

ProcessSpec service_spec(const std::string& name, std::vector<std::string> command, const Layout& layout,
                         int process_lock) {
  return {.name = name,
          .command = std::move(command),
          .environment = {},
          .log_file = layout.log(name),
          .open_files = std::nullopt,
          .inherited_fd = process_lock};
}

Part service_part(const std::string& name, const ServiceFiles& files, const Layout& layout,
                  int process_lock) {
  const auto ready_file = files.ready_file;
  return Part{.spec = service_spec(name, {files.program, "--config", files.config}, layout, process_lock),
              .before_start =
                  [ready_file] {
                    std::error_code not_there;  // left by a process that was killed, if at all
                    std::filesystem::remove(ready_file, not_there);
                  },
              .is_ready = [ready_file](pid_t pid) { return names_process(ready_file, pid); }};
}

bool names_process(const std::filesystem::path& ready_file, pid_t pid) {
  pid_t ready_pid = 0;
  std::ifstream(ready_file) >> ready_pid;
  return ready_pid == pid;
}

}  // namespace duet
