// As a release build sees it: a point is checked to be in the table, and nothing is left of it. A source of
// its own, never merged with others.

#undef DUET_CRASH_POINTS
#include <gtest/gtest.h>

#include <cstdlib>

#include "file_io/crash_point.h"

namespace duet {
namespace {

// What is evaluated at compile time can call neither of the functions, nor the action.
constexpr bool passed_without_a_call() {
  DUET_CRASH_POINT("intake.appended");
  DUET_CRASH_POINT_AFTER("journal.append.half", std::abort());
  return true;
}

TEST(CrashPointAbsent, LeavesNothing) {
  static_assert(passed_without_a_call());
}

}  // namespace
}  // namespace duet
