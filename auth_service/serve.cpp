#include "auth_service/serve.h"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <optional>

#include "auth_service/auth_service.h"
#include "auth_service/broker_link.h"
#include "auth_service/config.h"
#include "mqtt_link/log.h"
#include "service/stop_signal.h"

namespace duet {
namespace {

// Where there is no broker to tell.
class NobodyIsTold final : public RevocationSink {
 public:
  void revoked(const Revocation& /*revocation*/) override {}
};

}  // namespace

int serve_auth(const std::filesystem::path& config_file) {
  const auto config = load_auth_config(config_file);
  StopSignal stop;  // before any thread
  start_log("auth", config.log_level);
  AuthDatabase database(config.database, config.sessions, system_clocks().wall);
  NobodyIsTold nobody;
  std::optional<BrokerLink> broker;
  if (config.broker) {
    broker.emplace(*config.broker, database);
  } else {
    spdlog::warn("no broker is configured: the end of a login is felt when its access token has run out");
  }
  RevocationSink& sink = broker ? broker->sink() : nobody;
  const AuthService service(config, database, sink, system_clocks(), [&stop] { stop.fail(); });
  if (broker) broker->start();
  spdlog::info("listening on {} port {}", config.http.address, service.port());

  const auto cause = stop.wait();
  spdlog::info("stopping");
  return cause == StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}  // bottom-up: requests that have arrived are answered while their parts live

}  // namespace duet
