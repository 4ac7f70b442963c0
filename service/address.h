// service/address.h: who is on the other side: addresses, networks, and what a proxy says of its client.
//
// Pure. Immutable values; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

// IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2): the same host has one value.
class IpAddress {
 public:
  IpAddress() = default;  // ::, which no host has (RFC 4291, 2.5.2)
  explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  // Nullopt for anything but an address: names, ports, zones.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  std::string text() const;  // one form for each value; 192.0.2.1 for an IPv4 address
  // What one customer has at least: the address itself of IPv4, the /64 network of IPv6.
  IpAddress owner() const;

  bool operator==(const IpAddress&) const = default;
  bool operator<(const IpAddress& other) const { return bytes_ < other.bytes_; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

class Network {
 public:
  // "10.0.0.0/8", "fd00::/8", or one address.
  static std::optional<Network> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  Network(const IpAddress& base, unsigned bits) : base_(base), bits_(bits) {}
  IpAddress base_;
  unsigned bits_;  // that must be the same, of 128
};

bool is_trusted(const IpAddress& peer, const std::vector<Network>& trusted);

// The client behind `peer`: the last address of X-Forwarded-For (all its lines, joined by commas) that no
// trusted proxy has, if `peer` is such a proxy. Only what trusted proxies have written is believed. Nullopt:
// they wrote something else than addresses.
std::optional<IpAddress> client_address(const IpAddress& peer, std::string_view forwarded_for,
                                        const std::vector<Network>& trusted);

}  // namespace duet
