// push_bridge/push_id.h: the name of a push.
#pragma once

#include <string>

namespace duet {

// A random UUID (RFC 9562 5.4) in its canonical form, lower case. Thread-safe.
std::string new_push_id();

}  // namespace duet
