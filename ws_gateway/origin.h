// ws_gateway/origin.h: which web pages may connect (RFC 6454, RFC 6455 10.2).
//
// A browser lets every page of the world open a WebSocket to us and tells us the page's origin. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

// scheme "://" host [ ":" port ] in lower case, without the scheme's own port; nullopt for anything else
// ("null" included).
std::optional<std::string> canonical_origin(std::string_view text);

// `allowed` are canonical. When there are none, a page may connect to the host (and port) it was loaded from,
// which is what `host`, the request's Host header, says.
bool origin_allowed(std::string_view origin, std::string_view host, const std::vector<std::string>& allowed);

}  // namespace duet
