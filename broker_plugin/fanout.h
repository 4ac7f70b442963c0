// broker_plugin/fanout.h: a deliver frame of the store becomes one publish each.
#pragma once

#include <string_view>

#include "broker_plugin/broker_port.h"

namespace duet {

// Publishes what the frame holds, in its order. A delivery whose topic is not one that a device receives
// (u/<me>/in/… or …/reply, …/error) is left out and logged. Returns false for what is not a frame.
bool fan_out(std::string_view frame, BrokerPort& broker);

}  // namespace duet
