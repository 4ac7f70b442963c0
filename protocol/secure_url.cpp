#include "protocol/secure_url.h"

#include <algorithm>
#include <array>

namespace duet {
namespace {

bool starts_with_host(std::string_view authority, std::string_view host) {
  if (!authority.starts_with(host)) return false;
  return authority.size() == host.size() || authority[host.size()] == ':';
}

bool of_this_machine(std::string_view authority) {
  static constexpr std::array<std::string_view, 3> kLoopback{"127.0.0.1", "[::1]", "localhost"};
  return std::ranges::any_of(kLoopback, [&](auto host) { return starts_with_host(authority, host); });
}

}  // namespace

bool is_secure_url(std::string_view url) {
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~' && c != '\\'; })) return false;
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const bool tls = url.starts_with(kHttps);
  if (!tls && !url.starts_with(kHttp)) return false;
  const std::string_view rest = url.substr(tls ? kHttps.size() : kHttp.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty() || authority.front() == ':' || authority.find('@') != std::string_view::npos) {
    return false;
  }
  return tls || of_this_machine(authority);
}

}  // namespace duet
