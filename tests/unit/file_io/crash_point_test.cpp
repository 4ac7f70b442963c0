#include "file_io/crash_point.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

// All in the child of a death test: a process reads the environment once.
void pass_crash_points(int times) {
  for (int i = 0; i < times; ++i) {
    DUET_CRASH_POINT("feeder.from");
    DUET_CRASH_POINT_AFTER("journal.append.half", std::fputs("half\n", stderr));
  }
}

[[noreturn]] void live_with(const char* crash_at, int times) {
  setenv("DUET_CRASH_AT", crash_at, 1);
  pass_crash_points(times);
  std::_Exit(0);
}

TEST(CrashPoint, KillsAtTheNthPassOfTheNamedPoint) {
  EXPECT_EXIT(live_with("feeder.from", 1), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(live_with("feeder.from:3", 2), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(live_with("feeder.from:3", 3), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(live_with("feeder.committed", 3), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(pass_crash_points(3); std::_Exit(0), testing::ExitedWithCode(0), "");
}

TEST(CrashPoint, DoesTheActionFirst) {
  EXPECT_EXIT(live_with("journal.append.half:2", 2), testing::KilledBySignal(SIGKILL), "^half\n$");
}

TEST(CrashPoint, RefusesWhatItDoesNotKnow) {
  EXPECT_EXIT(live_with("feeder.form", 1), testing::KilledBySignal(SIGABRT), "no crash point is named");
  EXPECT_EXIT(live_with("feeder.from:x", 1), testing::KilledBySignal(SIGABRT), "no number");
}

// Two processes, one count: the second dies, the third lives on.
TEST(CrashPoint, TheCounterFileOutlivesTheProcess) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() / "passes";
  const std::string zero_and_three("\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
  std::ofstream(file, std::ios::binary) << zero_and_three;
  setenv("DUET_CRASH_COUNTER", file.c_str(), 1);
  EXPECT_EXIT(live_with("feeder.from", 2), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(live_with("feeder.from", 2), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(live_with("feeder.from", 2), testing::ExitedWithCode(0), "");
  std::ofstream(file, std::ios::binary) << zero_and_three.substr(1);
  EXPECT_EXIT(live_with("feeder.from", 1), testing::KilledBySignal(SIGABRT), "too short");
  unsetenv("DUET_CRASH_COUNTER");
}

TEST(CrashPoint, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& point : kCrashPoints) EXPECT_TRUE(names.insert(point.name).second) << point.name;
}

}  // namespace
}  // namespace duet
