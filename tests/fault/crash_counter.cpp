#include "tests/fault/crash_counter.h"

#include <array>
#include <cstring>
#include <system_error>

namespace duet {

CrashCounter::CrashCounter() : file_(dir_.path() / "passes", File::Mode::create) {
  arm(1);
}

void CrashCounter::arm(std::uint64_t nth) {
  const std::array<std::uint64_t, 2> numbers{0, nth};
  std::string bytes(sizeof numbers, '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  if (const auto error = file_.write_at(0, bytes)) {
    throw std::system_error(error, "cannot write " + file_.path().string());
  }
}

std::uint64_t CrashCounter::passes() const {
  std::string bytes;
  file_.read_at(0, sizeof(std::uint64_t), bytes);
  std::uint64_t passes = 0;
  std::memcpy(&passes, bytes.data(), sizeof passes);
  return passes;
}

std::map<std::string, std::string> CrashCounter::environment(std::string_view point) const {
  return {{"DUET_CRASH_AT", std::string(point)}, {"DUET_CRASH_COUNTER", file_.path().string()}};
}

}  // namespace duet
