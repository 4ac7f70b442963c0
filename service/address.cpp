#include "service/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

namespace duet {
namespace {

constexpr unsigned kV4Prefix = 96;
constexpr std::array<std::uint8_t, 12> kV4Mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  const std::string terminated(text);
  if (terminated.size() != std::char_traits<char>::length(terminated.c_str())) return std::nullopt;
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return IpAddress(bytes);
  std::copy(kV4Mapped.begin(), kV4Mapped.end(), bytes.begin());
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data() + kV4Mapped.size()) == 1) return IpAddress(bytes);
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::equal(kV4Mapped.begin(), kV4Mapped.end(), bytes_.begin());
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const void* from = is_v4() ? bytes_.data() + kV4Mapped.size() : bytes_.data();
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, from, buffer.data(), buffer.size());
  return buffer.data();
}

IpAddress IpAddress::owner() const {
  if (is_v4()) return *this;
  auto network = bytes_;
  std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
  return IpAddress(network);
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  unsigned bits = 128;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (bits > (base->is_v4() ? 32U : 128U)) return std::nullopt;
    if (base->is_v4()) bits += kV4Prefix;
  }
  return Network(*base, bits);
}

bool Network::contains(const IpAddress& address) const {
  const auto& a = address.bytes();
  const auto& b = base_.bytes();
  const unsigned whole = bits_ / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - bits_ % 8));
  return (a[whole] & mask) == (b[whole] & mask);
}

bool is_trusted(const IpAddress& peer, const std::vector<Network>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [&](const Network& n) { return n.contains(peer); });
}

std::optional<IpAddress> client_address(const IpAddress& peer, std::string_view forwarded_for,
                                        const std::vector<Network>& trusted) {
  IpAddress client = peer;
  std::string_view left = trimmed(forwarded_for);
  while (is_trusted(client, trusted) && !left.empty()) {
    const auto comma = left.rfind(',');
    const auto last = trimmed(comma == std::string_view::npos ? left : left.substr(comma + 1));
    const auto address = IpAddress::parse(last);
    if (!address) return std::nullopt;
    client = *address;
    left = comma == std::string_view::npos ? std::string_view() : trimmed(left.substr(0, comma));
  }
  return client;
}

}  // namespace duet
