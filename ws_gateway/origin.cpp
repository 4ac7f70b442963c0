#include "ws_gateway/origin.h"

#include <algorithm>

namespace duet {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_scheme(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; });
}

bool is_authority(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("-._~[]:").find(c) != std::string_view::npos;
  });
}

std::string_view own_port(std::string_view scheme) {
  if (scheme == "https") return ":443";
  if (scheme == "http") return ":80";
  return {};
}

std::string_view without_own_port(std::string_view authority, std::string_view scheme) {
  const auto port = own_port(scheme);
  if (!port.empty() && authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

}  // namespace

std::optional<std::string> canonical_origin(std::string_view text) {
  const std::string all = lower(text);
  const std::string_view view = all;
  const auto separator = view.find("://");
  if (separator == std::string_view::npos) return std::nullopt;
  const auto scheme = view.substr(0, separator);
  const auto authority = view.substr(separator + 3);
  if (!is_scheme(scheme) || !is_authority(authority)) return std::nullopt;
  return std::string(scheme) + "://" + std::string(without_own_port(authority, scheme));
}

bool origin_allowed(std::string_view origin, std::string_view host, const std::vector<std::string>& allowed) {
  const auto canonical = canonical_origin(origin);
  if (!canonical) return false;
  if (!allowed.empty()) return std::find(allowed.begin(), allowed.end(), *canonical) != allowed.end();
  const std::string_view view = *canonical;
  const auto separator = view.find("://");
  const auto scheme = view.substr(0, separator);
  if (own_port(scheme).empty()) return false;  // loaded from no host
  const std::string called = lower(host);
  return view.substr(separator + 3) == without_own_port(called, scheme);
}

}  // namespace duet
