// mqtt_link/tcp_nodelay.h: TCP_NODELAY for Paho's sockets. Paho C sets it in no version, and without it a
// connection that both receives and publishes waits some 40 ms for the peer's delayed acknowledgement.
#pragma once

namespace duet {

// Does nothing. A program that calls it contains tcp_nodelay.cpp, whose `connect` comes before the one of
// libc for every library of the process.
void interpose_connect();

}  // namespace duet
