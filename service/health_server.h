// service/health_server.h: tells load balancers, people and systemd how a service is.
//
//   GET /healthz/live    200 while it is live, otherwise 503
//   GET /healthz/ready   200 while it is ready, otherwise 503; /healthz is the same
//
// The body is format_health() for each of them. Everything else is 404 or 405.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "service/health.h"
#include "service/health_listen.h"

namespace duet {

// What a server answers to a GET of that path; nullopt for a path that is not one of these.
struct HealthAnswer {
  unsigned status;   // 200 or 503
  std::string body;  // JSON
};
std::optional<HealthAnswer> answer_health(std::string_view path, const HealthReport& report);

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
