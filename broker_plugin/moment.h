// broker_plugin/moment.h: the time, as the broker's thread hands it to the logic.
#pragma once

#include <chrono>

#include "protocol/names.h"

namespace duet {

struct Moment {
  Timestamp wall;                                // tokens and stamps
  std::chrono::steady_clock::time_point steady;  // rates and waits
};

}  // namespace duet
