#include "auth_service/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace duet {
namespace {

constexpr std::array<unsigned char, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string format(int family, const void* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, bytes, text.data(), text.size());
  return text.data();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string> parse_address(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  in_addr v4{};
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) return format(AF_INET, &v4);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, copy.c_str(), &v6) != 1) return std::nullopt;
  const auto* bytes = static_cast<const unsigned char*>(v6.s6_addr);
  if (std::memcmp(bytes, kMappedPrefix.data(), kMappedPrefix.size()) == 0) {
    return format(AF_INET, bytes + kMappedPrefix.size());
  }
  return format(AF_INET6, &v6);
}

std::string network_of(const std::string& address) {
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return address;
  std::fill(std::begin(v6.s6_addr) + 8, std::end(v6.s6_addr), static_cast<unsigned char>(0));
  return format(AF_INET6, &v6) + "/64";
}

std::string client_address(std::string_view peer, const std::vector<std::string>& forwarded,
                           const std::vector<std::string>& trusted) {
  const auto is_trusted = [&trusted](const std::string& address) {
    return std::find(trusted.begin(), trusted.end(), address) != trusted.end();
  };
  auto client = parse_address(peer).value_or(std::string(peer));
  for (auto value = forwarded.rbegin(); value != forwarded.rend(); ++value) {
    std::string_view rest = *value;
    while (is_trusted(client)) {
      const auto comma = rest.rfind(',');
      const auto last = comma == std::string_view::npos ? rest : rest.substr(comma + 1);
      auto next = parse_address(trim(last));
      if (!next) return client;
      client = *std::move(next);
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace duet
