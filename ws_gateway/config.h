// ws_gateway/config.h: what duet-ws reads from its TOML file. docs/operations.md explains the keys.
//
// Immutable values once loaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "service/address.h"
#include "service/health_listen.h"
#include "ws_gateway/origin.h"

namespace duet {

struct TcpEndpoint {
  IpAddress address;
  std::uint16_t port = 0;
};
using BrokerEndpoint = std::variant<std::filesystem::path, TcpEndpoint>;  // a path is a unix socket

// What a control packet may have before the broker's limit (max_packet_size 262144) is reached: the fixed
// header is not counted there (MQTT 5, 2.1).
inline constexpr std::size_t kMaxMqttPacketBytes = 262'144 + 5;

struct GatewayConfig {
  TcpEndpoint listen;
  BrokerEndpoint broker;
  std::string path = "/mqtt";        // of the WebSocket endpoint
  std::vector<std::string> origins;  // canonical; empty: pages of the host they connect to
  bool allow_no_origin = true;       // clients that are no browsers send none

  // Proxies whose X-Forwarded-For is believed.
  std::vector<Network> trusted_proxies;

  struct Limits {
    std::size_t connections = 10'000;           // everybody's
    std::size_t connections_per_address = 256;  // 0: no limit
    std::chrono::milliseconds request{
        10'000};                        // for an HTTP request, the WebSocket handshake, the MQTT CONNECT
    std::chrono::seconds idle{86'400};  // of a WebSocket on which nothing moves at all
    std::size_t message_bytes = kMaxMqttPacketBytes;  // of a WebSocket message
  };
  Limits limits;

  struct Files {
    std::filesystem::path root;  // empty: no files are served
    std::string content_security_policy =
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'";
  };
  Files files;

  // Where the health check asks whether the broker answers: by TCP, as a unix socket costs a line in the
  // broker's log each time.
  HealthListen health_broker;

  std::filesystem::path ready_file;  // holds the process id while connections are accepted; empty: none
  std::string log_level = "info";
};

// Reads and checks the whole file. Throws std::runtime_error with one line that names the file and the key.
GatewayConfig load_gateway_config(const std::filesystem::path& file);

}  // namespace duet
