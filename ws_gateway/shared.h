// ws_gateway/shared.h: what all connections of the gateway share. Its thread owns it.
#pragma once

#include <cstddef>

#include "service/health.h"
#include "ws_gateway/admission.h"
#include "ws_gateway/buffer_pool.h"
#include "ws_gateway/config.h"
#include "ws_gateway/counters.h"
#include "ws_gateway/net.h"
#include "ws_gateway/refusal_lines.h"
#include "ws_gateway/static_files.h"
#include "ws_gateway/watchlist.h"

namespace duet {

struct Shared {
  Shared(const GatewayConfig& c, Health& h)
      : config(c),
        health(h),
        admission(c.limits.connections_per_address),
        files(c.files.root, c.files.content_security_policy) {}

  const GatewayConfig config;
  const Health& health;
  GatewayCounters counters;
  BufferPool buffers;
  Admission admission;
  RefusalLines refusal_lines;
  const StaticFiles files;
  Watchlist connections;
  std::size_t turned_away = 0;   // of these, those that are there to be told so
  bool broker_was_away = false;  // when a connection was last tried
  // Last, so that it goes first: handlers that never ran hold connections, which are on the list above.
  asio::io_context io{1};
};

}  // namespace duet
