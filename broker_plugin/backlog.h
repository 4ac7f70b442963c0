// broker_plugin/backlog.h: how many connections may wait for the broker to accept them.
#pragma once

#include <cstddef>

namespace duet {

// Mosquitto asks for 100, and no setting changes that. When thousands come back at once the rest of them find
// the queue full: the kernel drops their packets, they try again after 1, 3 and 7 seconds, and some are
// reset. The kernel has its own bound, too (net.core.somaxconn, 4096).
inline constexpr int kBacklog = 1024;

// Sets the backlog of every socket that this process listens on. Returns how many there are.
std::size_t widen_backlogs(int backlog);

}  // namespace duet
