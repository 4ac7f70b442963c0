// tests/support/patience.h: waiting for a condition, with a deadline that only a broken platform reaches.
//
// Nothing in the tests asserts on how long something took; patience ends a test that would hang.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

namespace duet {

// Generous: two processors are shared with everything else, and sanitizers slow everything down.
inline constexpr std::chrono::seconds kPatience{60};

// Looks at `condition` until it holds, for conditions that nobody signals (a file, another process). Returns
// whether it held before the patience ended.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

}  // namespace duet
