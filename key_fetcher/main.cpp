// duet-keys: fetches the public keys of other identity providers into files that the broker's plugin watches.
// It holds no secret. Start reading at issuer_keys.h.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include "file_io/core_dumps.h"
#include "key_fetcher/key_fetcher.h"
#include "mqtt_link/log.h"
#include "service/health.h"
#include "service/health_listen.h"
#include "service/health_server.h"
#include "service/stop_signal.h"
#include "service/version.h"

namespace {

struct Options {
  std::string issuers;
  std::string into;
  std::string log_level = "info";
  std::string health = "none";
};

int run(const Options& options) {
  duet::StopSignal stop;  // before any thread
  duet::start_log("keys", options.log_level);
  duet::Health health;
  health.add_check([&options](auto) { return duet::disk_trouble(options.into); });
  const duet::KeyFetcher fetcher(options.issuers, options.into, health, [&stop] { stop.fail(); });
  const auto listen = duet::parse_health_listen(options.health);
  if (!listen) throw std::runtime_error("--health: '" + options.health + "' is no address");
  const duet::HealthServer health_server(*listen, [&health] { return health.report(); });
  spdlog::info("following {}", options.issuers);
  const auto cause = stop.wait();
  spdlog::info("stopping");
  return cause == duet::StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) try {
  duet::forbid_core_dumps();
  Options options;
  CLI::App app("Fetches the keys of other identity providers for Duet's broker", "duet-keys");
  app.set_version_flag("--version", duet::version_text("duet-keys"), "Print the version");
  app.add_option("--issuers", options.issuers, "The file that names them (docs/operations.md)")->required();
  app.add_option("--into", options.into, "The directory for their keys: the broker's issuer_keys_dir")
      ->required();
  app.add_option("--log-level", options.log_level, "debug, info, warn or error")->capture_default_str();
  app.add_option("--health", options.health,
                 "Where it answers how it is: an address and a port, unix:/PATH, or none")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;  // --help is one of them
  }
  return run(options);
} catch (const std::exception& error) {
  std::cerr << "duet-keys: " << error.what() << '\n';
  return EXIT_FAILURE;
}
