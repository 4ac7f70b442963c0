// duet-ws: MQTT over WebSocket for browsers, and the files of the web app. Start reading at gateway.h.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "file_io/core_dumps.h"
#include "mqtt_link/log.h"
#include "service/broker_watch.h"
#include "service/health.h"
#include "service/health_server.h"
#include "service/ready_file.h"
#include "service/version.h"
#include "ws_gateway/config.h"
#include "ws_gateway/gateway.h"
#include "ws_gateway/open_files.h"

namespace duet {
namespace {

void serve(GatewayConfig config) {
  start_log("ws", config.log_level);
  const std::size_t room = make_room_for(config.limits.connections);
  if (room < config.limits.connections) {
    spdlog::warn("the limit of open files allows {} connections, not {}", room, config.limits.connections);
    config.limits.connections = room;
  }
  Health health;
  Gateway gateway(config, health);
  gateway.stop_on_signals();
  const BrokerWatch broker(config.health_broker, health.add_state("the broker was not asked yet"));
  // It answers on its own port; systemd is told from here.
  const HealthServer told(HealthListen(), [&health] { return health.report(); });
  ReadyFile ready(config.ready_file);  // connections are accepted, as long as it lives
  ready.open(1);
  spdlog::info("listening on {} port {}", config.listen.address.text(), gateway.port());
  gateway.run();
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) try {
  duet::forbid_core_dumps();
  CLI::App app("duet-ws: MQTT over WebSocket, and static files, for Duet", "duet-ws");
  app.set_version_flag("--version", duet::version_text("duet-ws"), "Print the version");
  std::string config_file;
  app.add_option("--config", config_file, "The configuration, a TOML file; docs/operations.md has the keys")
      ->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : 2;  // --help is one of them
  }
  duet::serve(duet::load_gateway_config(config_file));
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "duet-ws: " << error.what() << '\n';
  return EXIT_FAILURE;
}
