#include "supervisor/push_parts.h"

#include <toml++/toml.h>

#include <sstream>
#include <stdexcept>

#include "file_io/file.h"
#include "file_io/secret_file.h"
#include "service/toml_section.h"
#include "supervisor/part_health.h"
#include "supervisor/ready_file.h"
#include "supervisor/service_part.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDoubleName = "push-double";

Part double_part(const fs::path& folder, const Layout& layout, int process_lock) {
  const auto directory = layout.push_double();
  const auto ready_file = layout.push_double_ready();
  return Part{.spec = service_spec(kDoubleName, {find_node(), folder / "standalone.js", directory}, layout,
                                   process_lock),
              .before_start =
                  [directory, ready_file, config = layout.push_config()] {
                    fs::create_directories(directory);
                    fs::remove(ready_file);
                    fs::remove(config);
                  },
              .is_ready = [ready_file](pid_t pid) { return names_process(ready_file, pid); }};
}

// The bridge, told of its apps at each start: the double has others each time.
Part bridge_part(const Programs& programs, const Layout& layout, int process_lock,
                 std::function<void()> configure) {
  auto part =
      service_part("push", {programs.push, layout.push_config(), layout.push_ready()}, layout, process_lock);
  part.before_start = [forget = std::move(part.before_start), configure = std::move(configure)] {
    forget();
    configure();
  };
  return part;
}

}  // namespace

std::string push_config(const Layout& layout, const Ports& ports, const PlatformConfig& config,
                        const fs::path& apps) {
  toml::table root = parse_toml_file(apps);
  const toml::table ours{
      {"ready_file", layout.push_ready().string()},
      {"broker", toml::table{{"uri", mqtt_uri(ports)},
                             {"token_file", layout.token("push").string()},
                             {"client_id", "duet-push"}}},
      {"database", toml::table{{"path", layout.push_database().string()}}},
      {"health", toml::table{{"listen", health_listen_text(health_of(layout, "push"))}}},
      {"log", toml::table{{"level", config.log_level}}},
  };
  for (const auto& [key, value] : ours) {
    if (root.contains(key)) {
      throw std::runtime_error(apps.string() + ": " + std::string(key.str()) +
                               " is the platform's to set; apps, keys and decisions belong here");
    }
    root.insert(key, value);
  }
  std::ostringstream text;
  text << root << '\n';
  return text.str();
}

bool has_push(const Options& options, const PlatformConfig& config) {
  return !config.push.config.empty() || options.push_double.has_value();
}

std::vector<Part> push_parts(const Programs& programs, const Layout& layout, const Options& options,
                             const PlatformConfig& config, int process_lock) {
  const auto write_config = [layout, config, ports = options.ports](const fs::path& apps) {
    write_file_atomically(layout.push_config(), push_config(layout, ports, config, apps), kSecretMode);
  };
  std::vector<Part> parts;
  if (!config.push.config.empty()) {
    write_config(config.push.config);  // now: what is wrong with it is told before anything starts
    parts.push_back(bridge_part(programs, layout, process_lock, [] {}));
  } else if (options.push_double) {
    parts.push_back(double_part(*options.push_double, layout, process_lock));
    parts.push_back(bridge_part(programs, layout, process_lock,
                                [write_config, layout] { write_config(layout.push_double_config()); }));
    parts.back().after = kDoubleName;
  }
  return parts;
}

}  // namespace duet
