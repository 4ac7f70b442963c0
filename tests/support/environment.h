// tests/support/environment.h: what whoever runs a test may tell it.
#pragma once

#include <cstdint>

namespace duet {

// The number in that variable; `otherwise` when it is not set. Throws std::runtime_error, naming the
// variable, when it holds anything but a decimal number.
std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise);

// Whether the programs that are tested are built with a sanitizer: their memory is not what it would be.
bool memory_is_inflated();

}  // namespace duet
