// service/health_server.h: tells load balancers, people and systemd how a service is.
//
// Answers GET as answer_health() says (service/health.h); everything else is 404 or 405.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "service/health.h"
#include "service/health_listen.h"

namespace duet {

// Has a thread of its own, on which `report` is called. Tells the service manager, if one started the
// process, READY=1 once, WATCHDOG=1 while the service is live, and in STATUS= why it is not ready.
class HealthServer {
 public:
  using Report = std::function<HealthReport()>;

  // Listens from here on. A unix socket that an earlier process left is replaced. Throws std::runtime_error
  // when it cannot listen.
  HealthServer(const HealthListen& listen, Report report);
  ~HealthServer();  // `report` is not called any more when it returns
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  // The port that it listens on; 0 for a unix socket or nothing.
  std::uint16_t port() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace duet
