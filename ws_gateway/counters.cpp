#include "ws_gateway/counters.h"

#include <spdlog/fmt/fmt.h>

namespace duet {

std::string GatewayCounters::text() const {
  return fmt::format(
      "connections {} ({} dropped), requests {}, refused {} + {} full + {} without broker, refused by the "
      "broker {}, websockets {} "
      "({} open), timed out {}, protocol errors {}, bytes in {} out {}",
      accepted.get(), dropped.get(), requests.get(), refused.get(), refused_full.get(), broker_away.get(),
      refused_by_broker.get(), opened.get(), opened.get() - closed.get(), timed_out.get(),
      protocol_errors.get(), bytes_in.get(), bytes_out.get());
}

}  // namespace duet
