#include "auth_service/serve.h"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <exception>
#include <optional>
#include <vector>

#include "auth_service/auth_service.h"
#include "auth_service/broker_link.h"
#include "auth_service/config.h"
#include "mqtt_link/log.h"
#include "service/disk_patience.h"
#include "service/health.h"
#include "service/health_server.h"
#include "service/stop_signal.h"

namespace duet {
namespace {

// Where there is no broker to tell.
class NobodyIsTold final : public RevocationSink {
 public:
  void revoked(const Revocation& /*revocation*/) override {}
};

void add_checks(Health& health, const AuthConfig& config, AuthDatabase& database) {
  health.add_check(
      [directory = config.database.parent_path().string()](auto) { return disk_trouble(directory); });
  health.add_check([&database](auto) -> std::optional<std::string> {
    try {
      database.find_account("");
      return std::nullopt;
    } catch (const std::exception& error) {
      return std::string("the database cannot be read: ") + error.what();
    }
  });
}

std::vector<UserId> users_of_bots(const AuthConfig& config) {
  std::vector<UserId> users;
  for (const auto& client : config.clients) {
    if (client.bot) users.push_back(client.bot->user);
  }
  return users;
}

}  // namespace

int serve_auth(const std::filesystem::path& config_file) {
  const auto config = load_auth_config(config_file);
  StopSignal stop;  // before any thread
  start_log("auth", config.log_level);
  DiskPatience patience(stop, config.database.parent_path());
  std::optional<AuthDatabase> database;
  const auto open = [&] { database.emplace(config.database, config.sessions, system_clocks().wall); };
  if (!patience.attempt(open)) return EXIT_SUCCESS;
  Health health;
  add_checks(health, config, *database);
  NobodyIsTold nobody;
  EveryNameIsFree every_name;
  std::optional<BrokerLink> broker;
  if (config.broker) {
    broker.emplace(*config.broker, *database, users_of_bots(config), health);
  } else {
    spdlog::warn("no broker is configured: the end of a login is felt when its access token has run out");
    spdlog::warn("no broker is configured: sign-up does not look for messages under the name");
  }
  RevocationSink& sink = broker ? broker->sink() : nobody;
  NameRegister& names = broker ? broker->names() : static_cast<NameRegister&>(every_name);
  std::optional<AuthService> service;
  const auto begin = [&] {  // the first signing key is made, and the key set is written
    service.emplace(
        config, *database, sink, names, system_clocks(), [&stop] { stop.fail(); }, &health);
  };
  if (!patience.attempt(begin)) return EXIT_SUCCESS;
  // It answers on its own port; systemd is told from here.
  const HealthServer told(HealthListen(), [&health] { return health.report(); });
  if (broker) broker->start();
  spdlog::info("listening on {} port {}", config.http.address, service->port());

  const auto cause = stop.wait();
  spdlog::info("stopping");
  return cause == StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}  // bottom-up: requests that have arrived are answered while their parts live

}  // namespace duet
