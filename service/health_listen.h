// service/health_listen.h: where a service answers questions about its health: the setting `health.listen`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <variant>

#include "service/address.h"

namespace duet {

struct HealthPort {
  IpAddress address;
  std::uint16_t port = 0;  // 0: any that is free
};
// Nowhere, a port, or a unix socket.
using HealthListen = std::variant<std::monostate, HealthPort, std::filesystem::path>;

// "none", "127.0.0.1:8091", "[::1]:8091", or "unix:/run/duet/store.health". Nullopt for anything else.
std::optional<HealthListen> parse_health_listen(std::string_view text);

class TomlSection;
// The section [health] of a service: `listen`, nowhere unless it is set. Throws as TomlSection does.
HealthListen read_health_section(TomlSection section);

}  // namespace duet
