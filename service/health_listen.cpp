#include "service/health_listen.h"

#include <sys/un.h>

#include <charconv>

#include "service/toml_section.h"

namespace duet {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kNone = "none";

}  // namespace

std::optional<HealthListen> parse_health_listen(std::string_view text) {
  if (text == kNone) return HealthListen();
  if (text.starts_with(kUnix)) {
    const auto path = text.substr(kUnix.size());
    if (!path.starts_with('/') || path.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
    return std::filesystem::path(path);
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  HealthPort where;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), where.port);
  if (!address || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
    return std::nullopt;
  where.address = *address;
  return where;
}

HealthListen read_health_section(TomlSection section) {
  const std::string text = section.text("listen", std::string(kNone));
  section.refuse_unknown_keys();
  const auto listen = parse_health_listen(text);
  if (!listen) {
    section.fail("listen", "must be an IP address and a port, as in 127.0.0.1:8091, unix:/PATH of at most " +
                               std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes, or none");
  }
  return *listen;
}

}  // namespace duet
