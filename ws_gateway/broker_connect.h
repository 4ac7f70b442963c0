// ws_gateway/broker_connect.h: opens a connection to the broker.
#pragma once

#include <chrono>
#include <functional>

#include "ws_gateway/config.h"
#include "ws_gateway/net.h"

namespace duet {

using BrokerConnected = std::function<void(ErrorCode, BrokerSocket)>;

// `done` is called once, later, in io's thread; the socket is non-blocking. A unix socket whose backlog is
// full is tried again until the patience ends.
void connect_to_broker(asio::io_context& io, const BrokerEndpoint& broker, std::chrono::milliseconds patience,
                       BrokerConnected done);

}  // namespace duet
