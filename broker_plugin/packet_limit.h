// broker_plugin/packet_limit.h: clients that can receive small packets only (MQTT 5 3.1.2.11.4).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "broker_plugin/broker_port.h"
#include "broker_plugin/connection.h"
#include "broker_plugin/moment.h"
#include "broker_plugin/sessions.h"
#include "protocol/payload.h"

namespace duet {

// The largest packet that the client of this live connection can receive. nullopt: it can receive every
// packet of this platform.
std::optional<std::size_t> packet_limit(const BrokerPort& broker, Connection connection);

// The request with `max_bytes` added, unless it says that itself. Precondition: parse_request takes it.
std::string with_max_bytes(std::string_view request, std::size_t max_bytes, const PayloadLimits& limits);

// Tells a device that a message to it was too large for it, at most once a second: what is missing is found
// by its hole in seq. Nothing is told about a topic on which nothing can be missed.
void tell_oversize(Session& session, std::string_view topic, std::size_t packet_bytes, Moment now,
                   BrokerPort& broker);

}  // namespace duet
