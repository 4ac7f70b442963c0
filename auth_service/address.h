// auth_service/address.h: where a request comes from. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

// An IP address in its one canonical form; an IPv4 address inside IPv6 (::ffff:192.0.2.1, RFC 4291 2.5.5.2)
// is the IPv4 address. Nullopt for anything else (names, ports, zones).
std::optional<std::string> parse_address(std::string_view text);

// What one party commands as a rule: an IPv4 address, or the first 64 bits of an IPv6 address.
std::string network_of(const std::string& address);

// The client's address. `forwarded` are the values of X-Forwarded-For in their order. They count only when
// `peer` is a trusted proxy, and then from the right: the first address that is no trusted proxy's. Text that
// is no address ends the search: the proxy that passed it on is taken.
std::string client_address(std::string_view peer, const std::vector<std::string>& forwarded,
                           const std::vector<std::string>& trusted);

}  // namespace duet
