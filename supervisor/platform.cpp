#include "supervisor/platform.h"

#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "file_io/file.h"
#include "file_io/secret_file.h"
#include "supervisor/front_door.h"
#include "supervisor/generated_config.h"
#include "supervisor/layout.h"
#include "supervisor/lock.h"
#include "supervisor/part_health.h"
#include "supervisor/patient_start.h"
#include "supervisor/platform_config.h"
#include "supervisor/platform_health.h"
#include "supervisor/ports.h"
#include "supervisor/programs.h"
#include "supervisor/push_parts.h"
#include "supervisor/ready_file.h"
#include "supervisor/secrets.h"
#include "supervisor/served_certificate.h"
#include "supervisor/service_part.h"
#include "supervisor/supervisor.h"
#include "supervisor/tls_files.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

// Processes of a supervisor that was killed end by themselves; they get as long as on an ordinary stop.
constexpr std::chrono::seconds kPatienceWithLeftovers{15};

// For 10,000 connections and more. Not simply as many as allowed: libraries allocate tables of this length,
// and some systems allow a thousand million.
constexpr std::uint64_t kBrokerOpenFiles = 65'536;

Timestamp now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  // Only root's name matters to the broker, and root may have no entry in a small container.
  return entry != nullptr ? entry->pw_name : "root";
}

// Work that must not stop a running platform when it fails (a full disk): it is tried again on the next tick,
// and each new reason is reported once.
class Chore {
 public:
  Chore(Report& report, std::function<void()> work) : report_(report), work_(std::move(work)) {}

  void attempt() {
    std::string reason;
    try {
      work_();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    if (!reason.empty() && reason != last_reason_) report_.say("trying again: " + reason);
    if (reason.empty() && !last_reason_.empty()) report_.say("done at last: " + last_reason_);
    last_reason_ = reason;
  }

  // Why the last attempt failed; empty when it succeeded.
  const std::string& trouble() const { return last_reason_; }

 private:
  Report& report_;
  std::function<void()> work_;
  std::string last_reason_;
};

// What the supervisor cannot do, although its processes work.
std::optional<std::string> trouble_of(const Chore& tokens, const Chore& certificate) {
  if (!certificate.trouble().empty()) return "proxy: " + certificate.trouble();
  if (!tokens.trouble().empty()) return "the services' tokens are not renewed: " + tokens.trouble();
  return std::nullopt;
}
// DIR/ready.json does not outlive the supervisor, however that ends.
class ReadyFileGuard {
 public:
  explicit ReadyFileGuard(fs::path file) : file_(std::move(file)) { remove(); }  // of one that was killed
  ~ReadyFileGuard() { remove(); }
  ReadyFileGuard(const ReadyFileGuard&) = delete;
  ReadyFileGuard& operator=(const ReadyFileGuard&) = delete;

  void remove() const {
    std::error_code ignored;  // it names the supervisor, so that a reader can see that it is an old one
    fs::remove(file_, ignored);
  }

 private:
  const fs::path file_;
};

Part broker_part(const Programs& programs, const Layout& layout, const Ports& ports, int process_lock) {
  return Part{.spec = {.name = "broker",
                       .command = {programs.broker, "-c", layout.broker_config()},
                       .environment = broker_environment(),
                       .log_file = layout.log("broker"),
                       .open_files = kBrokerOpenFiles,
                       .inherited_fd = process_lock},
              .before_start = {},
              .is_ready = [ports](pid_t) { return accepts_connections(ports.mqtt); }};
}

Part auth_part(const Programs& programs, const Layout& layout, const Ports& ports, int process_lock) {
  return Part{.spec = service_spec("auth", {programs.auth, "serve", "--config", layout.auth_config()}, layout,
                                   process_lock),
              .before_start = {},
              .is_ready = [ports](pid_t) { return accepts_connections(ports.http); }};
}

// Ready at once: nobody waits for another's server.
Part keys_part(const Programs& programs, const Layout& layout, const PlatformConfig& config,
               int process_lock) {
  return Part{.spec = service_spec("keys",
                                   {programs.keys, "--issuers", config.tokens.issuers_file, "--into",
                                    layout.issuer_keys(), "--log-level", config.log_level, "--health",
                                    health_listen_text(health_of(layout, "keys"))},
                                   layout, process_lock),
              .before_start = {},
              .is_ready = [](pid_t) { return true; }};
}

// The proxy, and what it needs: made before the first start, kept fresh from then on.
struct FrontDoor {
  ProxyPrograms programs = find_proxy();
  ServedCertificate certificate;
};

std::optional<FrontDoor> make_front_door(const Options& options, const Layout& layout,
                                         const PlatformConfig& config) {
  if (!options.tls) return std::nullopt;
  FrontDoor door{.certificate = ServedCertificate(layout, config.tls, now())};
  const auto file = door.certificate.copy();
  write_file_atomically(
      layout.proxy_config(),
      proxy_config(read_file(door.programs.proxy_template), layout, options.ports, config, file),
      kSecretMode);
  if (config.tls.services_port != 0) {
    write_file_atomically(layout.services_config(),
                          services_config(read_file(door.programs.services_template), layout, config, file),
                          kSecretMode);
  }
  return door;
}

Part proxy_part(FrontDoor& door, const Layout& layout, const PlatformConfig& config, int process_lock) {
  auto spec =
      service_spec("proxy", {door.programs.proxy, "-db", "-f", layout.proxy_config()}, layout, process_lock);
  if (config.tls.services_port != 0)
    spec.command.insert(spec.command.end(), {"-f", layout.services_config()});
  spec.environment = utc_environment();
  spec.open_files = proxy_open_files(config.tls);
  return Part{.spec = std::move(spec),
              .before_start = [&door] { door.certificate.proxy_starts(); },
              .is_ready = [layout](pid_t) { return is_open(layout); }};
}

std::optional<TlsAddresses> tls_addresses(const Options& options, const Layout& layout,
                                          const PlatformConfig& config) {
  if (!options.tls) return std::nullopt;
  TlsAddresses addresses{.mqtts = mqtts_uri(options.ports, config.tls),
                         .wss = wss_uri(options.ports, config.tls),
                         .https = https_url(options.ports, config.tls),
                         .ca = std::nullopt};
  if (config.tls.certificate.empty()) addresses.ca = layout.authority().string();
  return addresses;
}

// How to come in by TLS; where the certificate is of our own authority, how to trust that.
void say_how_to_trust(Report& report, const TlsAddresses& tls) {
  report.say("by TLS: " + tls.mqtts + ", " + tls.wss + ", " + tls.https);
  if (!tls.ca) return;
  report.say("its certificates are signed by " + *tls.ca + ". To trust it:");
  report.say(
      "  curl --cacert FILE, mosquitto_sub --cafile FILE, NODE_EXTRA_CA_CERTS=FILE node; in a browser import "
      "it");
}

// In the order of their start, which is also that of their stop, backwards. `front_door` outlives them.
std::vector<Part> make_parts(const Programs& programs, std::optional<FrontDoor>& front_door,
                             const Layout& layout, const Options& options, const PlatformConfig& config,
                             int process_lock) {
  std::vector<Part> parts;
  // Stopped last: it passes on what the others say at their end.
  if (front_door) parts.push_back(proxy_part(*front_door, layout, config, process_lock));
  parts.push_back(broker_part(programs, layout, options.ports, process_lock));
  parts.push_back(service_part("store", {programs.store, layout.store_config(), layout.store_ready()}, layout,
                               process_lock));
  parts.push_back(service_part("gateway", {programs.gateway, layout.gateway_config(), layout.gateway_ready()},
                               layout, process_lock));
  if (config.auth.enabled) parts.push_back(auth_part(programs, layout, options.ports, process_lock));
  if (!config.tokens.issuers_file.empty()) parts.push_back(keys_part(programs, layout, config, process_lock));
  for (auto& part : push_parts(programs, layout, options, config, process_lock)) {
    parts.push_back(std::move(part));
  }
  return parts;
}

void write_configs(const Programs& programs, const Layout& layout, const Ports& ports,
                   const PlatformConfig& config) {
  const BrokerSetting setting{.plugin = programs.plugin, .user = user_name()};
  write_file_atomically(layout.broker_config(),
                        broker_config(read_file(programs.broker_template), layout, ports, config, setting),
                        kSecretMode);
  write_file_atomically(layout.issuers(), platform_issuers(layout, ports, config), kSecretMode);
  write_file_atomically(layout.store_config(), store_config(layout, ports, config), kSecretMode);
  write_file_atomically(layout.gateway_config(), gateway_config(layout, ports, config), kSecretMode);
  write_file_atomically(layout.auth_config(), auth_config(layout, ports, config), kSecretMode);
}

PlatformConfig load_config_of(const Options& options) {
  auto config = options.config_file ? load_platform_config(*options.config_file) : PlatformConfig();
  return options.tls ? behind_front_door(std::move(config), options.ports) : config;
}

std::string where_it_is(const Options& options, const PlatformConfig& config) {
  std::string text = "ready: " + mqtt_uri(options.ports) + ", " + websocket_uri(options.ports);
  if (config.auth.enabled) text += ", " + http_url(options.ports);
  return text + ", data in " + options.data_dir.string();
}

// What is made anew at each start.
struct Prepared {
  std::optional<ServiceTokens> tokens;
  std::optional<FrontDoor> front_door;
  std::vector<Part> parts;
};

// `made` stays where it is: the parts refer to the front door in it.
void prepare(Prepared& made, const Programs& programs, const Layout& layout, const Options& options,
             const PlatformConfig& config, int process_lock) {
  made.tokens.emplace(open_signing_key(layout, config.tokens), config.tokens, layout);
  made.tokens->refresh(now());
  write_configs(programs, layout, options.ports, config);
  made.front_door = make_front_door(options, layout, config);
  made.parts = make_parts(programs, made.front_door, layout, options, config, process_lock);
}

}  // namespace

std::string make_service_certificate(const std::filesystem::path& data_dir, const std::string& name) {
  const Layout layout(data_dir);
  layout.prepare();
  const auto files = make_service_certificate(layout, name, now());
  return "made " + files.certificate.string() + " and " + files.key.string() + ", good for a year";
}

void run_platform(const Options& options, const Signals& signals, const PlatformHooks& hooks) {
  const PlatformConfig config = load_config_of(options);
  const Programs programs = find_programs();
  const Layout layout(options.data_dir);
  layout.prepare();
  const SupervisorLock lock(layout.lock());
  Report report(layout.log("supervisor"));
  const ReadyFileGuard ready_file(layout.ready());
  const ProcessLock process_lock(layout.process_lock(), kPatienceWithLeftovers);

  require_free(options.ports, options.tls);
  PatientStart start(layout, signals, report, [&] {
    if (hooks.on_waiting) hooks.on_waiting(report);
  });
  Prepared made;
  if (!start.attempt([&] { prepare(made, programs, layout, options, config, process_lock.fd()); })) {
    report.say("stopped");
    return;
  }
  const auto tls = tls_addresses(options, layout, config);
  if (!has_broker_socket(layout)) {
    report.say("the gateway comes to the broker by TCP: the path of a socket in " + layout.run().string() +
               " would be too long or has a space");
  }

  PlatformHealth health(asked_parts(layout, options.ports, config, options.tls, has_push(options, config)));
  std::map<std::string, pid_t> pids;
  std::string written;
  Chore refresh_ready(report, [&] {
    if (pids.empty()) return;  // clients cannot connect yet
    const std::string text = format_ready({.ports = options.ports,
                                           .http = config.auth.enabled,
                                           .tls = tls,
                                           .health = health.verdict(),
                                           .parts = health.parts(),
                                           .supervisor = ::getpid(),
                                           .pids = pids});
    if (text == written) return;
    write_ready(layout.ready(), text);
    written = text;
  });
  Chore refresh_tokens(report, [&] { made.tokens->refresh(now()); });
  Chore refresh_certificate(report, [&] {
    if (!made.front_door) return;
    if (const auto warning = made.front_door->certificate.warning(now())) report.say(*warning);
    made.front_door->certificate.refresh(now());
  });

  Supervisor supervisor(std::move(made.parts),
                        {.held_up = [&] { return start.held_up(); },
                         .on_ready =
                             [&] {
                               report.say(where_it_is(options, config));
                               if (tls) say_how_to_trust(report, *tls);
                               hooks.on_ready(report);
                               try {
                                 health.start(health_of_platform(layout, config));
                               } catch (const std::exception& error) {
                                 report.say(error.what());
                               }
                             },
                         .on_pids =
                             [&](const auto& current) {
                               pids = current;
                               refresh_ready.attempt();
                             },
                         .on_stopping =
                             [&] {
                               ready_file.remove();
                               hooks.on_stopping();
                             },
                         .on_tick =
                             [&] {
                               refresh_tokens.attempt();
                               refresh_certificate.attempt();
                               health.set_trouble(trouble_of(refresh_tokens, refresh_certificate));
                               refresh_ready.attempt();
                             }},
                        signals, report);
  supervisor.run();
  report.say("stopped");
}

}  // namespace duet
