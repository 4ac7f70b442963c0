// ws_gateway/gateway.h: the front door for browsers: MQTT over WebSocket, and the files of the web app.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "service/health.h"
#include "ws_gateway/config.h"
#include "ws_gateway/counters.h"

namespace duet {

class Gateway {
 public:
  // Listens from here on. Throws std::runtime_error (std::system_error included) when it cannot.
  // Its loop is one of `health`, which outlives it and which it tells of by HTTP.
  Gateway(const GatewayConfig& config, Health& health);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  std::uint16_t port() const;

  // Serves, in the calling thread, until it is stopped; WebSockets then get a few seconds to close.
  void run();

  // SIGTERM and SIGINT stop it. Call before run.
  void stop_on_signals();

  // These are thread-safe.
  void stop();
  const GatewayCounters& counters() const;
  std::size_t buffers_in_use() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace duet
