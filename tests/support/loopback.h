// tests/support/loopback.h: a plain TCP connection on this machine, from an address of choice.
#pragma once

#include <cstdint>
#include <string>

namespace duet {

// To a port on 127.0.0.1 from an address of 127.0.0.0/8. Returns the socket, which is the caller's;
// -1, and errno says why: nobody listens there, or whoever does wants nothing to do with us.
int connect_on_loopback(std::uint16_t port, const std::string& from);

}  // namespace duet
