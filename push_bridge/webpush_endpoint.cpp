#include "push_bridge/webpush_endpoint.h"

#include <algorithm>
#include <charconv>

namespace duet {
namespace {

constexpr std::size_t kMostUrlBytes = 2048;
constexpr std::string_view kScheme = "https://";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A host name in lower case, or an IPv4 address: labels of letters, digits and hyphens between dots.
bool is_host(std::string_view host) {
  constexpr std::size_t kMostBytes = 253;
  constexpr std::size_t kMostLabelBytes = 63;
  if (host.empty() || host.size() > kMostBytes) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!is_digit(c) && (c < 'a' || c > 'z') && c != '-') return false;
    if (++label > kMostLabelBytes) return false;
  }
  return label != 0;
}

// Every reader takes a host whose last label begins with a digit for an address (WHATWG URL 3.5), 0x7f000001
// too.
bool is_domain(std::string_view host) {
  if (!is_host(host)) return false;
  const auto last = host.substr(host.rfind('.') + 1);
  return host.find('.') != std::string_view::npos && !is_digit(last.front());
}

// 1 to 65535, without leading zeros; 0 for everything else.
int parse_port(std::string_view text) {
  constexpr int kMost = 65'535;
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  const bool plain = !text.empty() && is_digit(text.front()) && text.front() != '0';
  return plain && parsed.ec == std::errc() && parsed.ptr == end && port <= kMost ? port : 0;
}

struct Authority {
  std::string host;  // in lower case
  int port = 0;      // 0: none was said
};

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    authority.port = parse_port(text.substr(colon + 1));
    if (authority.port == 0) return std::nullopt;
    text = text.substr(0, colon);
  }
  authority.host = text;
  std::ranges::transform(authority.host, authority.host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (!is_host(authority.host)) return std::nullopt;
  return authority;
}

// A path and a query (RFC 3986 3.3, 3.4), no fragment.
bool is_path(std::string_view text) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/?%";
  return text.starts_with('/') && std::ranges::all_of(text, [&](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  kOthers.find(c) != std::string_view::npos;
         });
}

bool is_within(std::string_view host, std::string_view domain) {
  if (host == domain) return true;
  return host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

Result<AllowedHosts, std::string> AllowedHosts::parse(const std::vector<std::string>& entries) {
  AllowedHosts hosts;
  for (const auto& entry : entries) {
    const auto authority = parse_authority(entry);
    if (authority && authority->port != 0) {
      hosts.exact_.push_back(authority->host + ":" + std::to_string(authority->port));
    } else if (authority && is_domain(authority->host)) {
      hosts.domains_.push_back(authority->host);
    } else {
      return Failure<std::string>("'" + entry + "' is neither a domain nor host:port");
    }
  }
  return hosts;
}

std::optional<WebPushEndpoint> AllowedHosts::allow(std::string_view url) const {
  if (url.size() > kMostUrlBytes || !url.starts_with(kScheme)) return std::nullopt;
  const auto rest = url.substr(kScheme.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos || !is_path(rest.substr(slash))) return std::nullopt;
  const auto authority = parse_authority(rest.substr(0, slash));
  if (!authority) return std::nullopt;
  constexpr int kHttps = 443;
  const int port = authority->port == 0 ? kHttps : authority->port;
  const std::string exact = authority->host + ":" + std::to_string(port);
  auto entry = std::ranges::find(exact_, exact);
  if (entry == exact_.end()) {
    if (port != kHttps || !is_domain(authority->host)) return std::nullopt;
    entry = std::ranges::find_if(domains_,
                                 [&](const auto& domain) { return is_within(authority->host, domain); });
    if (entry == domains_.end()) return std::nullopt;
  }
  const std::string origin = std::string(kScheme) + (port == kHttps ? authority->host : exact);
  return WebPushEndpoint{origin, origin + std::string(rest.substr(slash)), *entry};
}

std::vector<std::string> AllowedHosts::entries() const {
  auto all = domains_;
  all.insert(all.end(), exact_.begin(), exact_.end());
  return all;
}

}  // namespace duet
