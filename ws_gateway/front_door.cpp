#include "ws_gateway/front_door.h"

#include <algorithm>

namespace duet {
namespace {

// A list of tokens (RFC 9110, 5.6.1); tokens of this header are case-sensitive.
bool lists(std::string_view list, std::string_view wanted) {
  constexpr std::string_view kBlank = " \t";
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto token = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    const auto first = token.find_first_not_of(kBlank);
    if (first == std::string_view::npos) continue;
    token = token.substr(first, token.find_last_not_of(kBlank) - first + 1);
    if (token == wanted) return true;
  }
  return false;
}

// 16 bytes in base64 (RFC 6455, 4.1).
bool is_key(std::string_view text) {
  constexpr std::size_t kDigits = 22;
  constexpr std::string_view kPadding = "==";
  return text.size() == kDigits + kPadding.size() && text.ends_with(kPadding) &&
         std::all_of(text.begin(), text.begin() + kDigits, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
                  c == '/';
         });
}

std::optional<Refusal> refusal_of_upgrade(const RequestHead& request, const GatewayConfig& config) {
  if (path_of(request.target) != config.path) return Refusal{404, "there is no WebSocket here"};
  if (!request.origin && !config.allow_no_origin) return Refusal{403, "an Origin is needed"};
  if (request.origin && !origin_allowed(*request.origin, *request.host, config.origins)) {
    return Refusal{403, "pages of this origin may not connect"};
  }
  if (request.version != "13") return Refusal{426, "the WebSocket version must be 13"};
  if (!request.key || !is_key(*request.key)) return Refusal{400, "a Sec-WebSocket-Key is needed"};
  if (!lists(request.subprotocols, kMqttSubprotocol)) return Refusal{400, "the subprotocol must be mqtt"};
  return std::nullopt;
}

}  // namespace

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

Result<Route, Refusal> route(const RequestHead& request, const GatewayConfig& config) {
  if (!request.host) return Failure<Refusal>({400, "one Host is needed"});
  if (request.target.empty() || request.target.front() != '/') {
    return Failure<Refusal>({400, "the target must be a path"});
  }
  if (request.upgrade) {
    if (const auto refusal = refusal_of_upgrade(request, config)) return Failure<Refusal>(*refusal);
    return Route::websocket;
  }
  if (request.method == RequestHead::Method::other) return Failure<Refusal>({405, "GET and HEAD only"});
  const auto path = path_of(request.target);
  if (path == config.path) return Failure<Refusal>({426, "this is a WebSocket endpoint"});
  const bool health = path == kHealthPath || path == kLivePath || path == kReadyPath;
  return health ? Route::health : Route::file;
}

}  // namespace duet
