// store_service/partition.h: the share of the conversations that this process owns.
#pragma once

#include "protocol/names.h"

namespace duet {

// There is one partition until the platform scales out.
inline constexpr Partition kPartition = 0;

}  // namespace duet
