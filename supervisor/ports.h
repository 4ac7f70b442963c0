// supervisor/ports.h: TCP ports of 127.0.0.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "supervisor/options.h"

namespace duet {

// Throws std::runtime_error with one line that names the first port that cannot be listened on, the option
// that chooses it and, where the system tells, the process that holds it.
void require_free(const Ports& ports, bool tls = false);

// Whether something accepts connections there.
bool accepts_connections(std::uint16_t port);

// `name (process N)` of whoever listens on the port; nullopt when that cannot be seen (another user's
// process).
std::optional<std::string> listener_of(std::uint16_t port);

}  // namespace duet
