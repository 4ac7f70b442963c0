// push_bridge/instant.h: the same moment on both clocks: one for waiting, one for the calendar.
#pragma once

#include <chrono>

#include "protocol/names.h"

namespace duet {

struct Instant {
  std::chrono::steady_clock::time_point steady;
  Timestamp wall;
};

}  // namespace duet
