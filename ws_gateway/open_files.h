// ws_gateway/open_files.h: file descriptors for the connections.
#pragma once

#include <cstddef>

namespace duet {

// Raises this process's limit of open files for so many connections, as far as it may. Returns how many there
// can be: one has two descriptors, and some are kept for everything else.
std::size_t make_room_for(std::size_t connections);

}  // namespace duet
