// tests/fault/crash_counter.h: the file of DUET_CRASH_COUNTER (file_io/crash_point.h), as a test has it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "file_io/file.h"
#include "tests/support/process.h"

namespace duet {

// Used by one thread; processes may use the file at any time.
class CrashCounter {
 public:
  // Armed for the first pass.
  CrashCounter();

  // Counts anew: whoever makes the nth pass from now on dies.
  void arm(std::uint64_t nth);
  std::uint64_t passes() const;
  // Of the process that made the nth pass; 0 before.
  pid_t victim() const;

  // What has a process die at that point.
  std::map<std::string, std::string> environment(std::string_view point) const;

 private:
  std::uint64_t number(std::size_t index) const;

  TempDir dir_;
  File file_;
};

}  // namespace duet
