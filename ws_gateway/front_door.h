// ws_gateway/front_door.h: what to do with an HTTP request.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/result.h"
#include "ws_gateway/config.h"

namespace duet {

// The subprotocol's name (MQTT 5, 6.0-3 and 6.0-4).
inline constexpr std::string_view kMqttSubprotocol = "mqtt";
// These paths tell how the gateway is (service/health.h); the first, that it serves at all.
inline constexpr std::string_view kHealthPath = "/healthz";
inline constexpr std::string_view kLivePath = "/healthz/live";
inline constexpr std::string_view kReadyPath = "/healthz/ready";

struct RequestHead {
  enum class Method : std::uint8_t { get, head, other };

  Method method = Method::other;
  std::string_view target;                  // as it came: path and query
  std::optional<std::string_view> host;     // nullopt: missing, or there are several
  std::optional<std::string_view> origin;   // nullopt: none
  std::string_view subprotocols;            // Sec-WebSocket-Protocol, all of it
  std::optional<std::string_view> key;      // Sec-WebSocket-Key; nullopt as for host
  std::optional<std::string_view> version;  // Sec-WebSocket-Version; the same
  bool upgrade = false;                     // asks for a WebSocket (RFC 6455, 4.2.1)
};

enum class Route : std::uint8_t { websocket, health, file };

// Whom the text is for: the client. It names no secret.
struct Refusal {
  unsigned status;
  std::string_view text;
};

Result<Route, Refusal> route(const RequestHead& request, const GatewayConfig& config);

// The target without its query.
std::string_view path_of(std::string_view target);

}  // namespace duet
