#include "auth_service/serve.h"

#include <spdlog/spdlog.h>

#include <cstdlib>

#include "auth_service/auth_service.h"
#include "mqtt_link/log.h"
#include "service/stop_signal.h"

namespace duet {
namespace {

// Until there is a connection to the broker. No names: the audit line has them.
class LoggedRevocations final : public RevocationSink {
 public:
  void revoked(const Revocation& revocation) override {
    spdlog::debug("revocation of {} until {}", revocation.device ? "a device" : "a user",
                  revocation.until.time_since_epoch().count());
  }
};

}  // namespace

int serve_auth(const std::filesystem::path& config_file) {
  const auto config = load_auth_config(config_file);
  StopSignal stop;  // before any thread
  start_log("auth", config.log_level);
  LoggedRevocations sink;
  const AuthService service(config, sink, system_clocks(), [&stop] { stop.fail(); });
  spdlog::info("listening on {} port {}", config.http.address, service.port());

  const auto cause = stop.wait();
  spdlog::info("stopping");
  return cause == StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}  // bottom-up: requests that are being served are finished while their parts live

}  // namespace duet
