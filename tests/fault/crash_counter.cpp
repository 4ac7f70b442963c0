#include "tests/fault/crash_counter.h"

#include <array>
#include <cstring>
#include <system_error>

namespace duet {

CrashCounter::CrashCounter() : file_(dir_.path() / "passes", File::Mode::create) {
  arm(1);
}

void CrashCounter::arm(std::uint64_t nth) {
  const std::array<std::uint64_t, 3> numbers{0, nth, 0};
  std::string bytes(sizeof numbers, '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  if (const auto error = file_.write_at(0, bytes)) {
    throw std::system_error(error, "cannot write " + file_.path().string());
  }
}

std::uint64_t CrashCounter::passes() const {
  return number(0);
}

pid_t CrashCounter::victim() const {
  return static_cast<pid_t>(number(2));
}

std::uint64_t CrashCounter::number(std::size_t index) const {
  std::uint64_t number = 0;
  std::string bytes;
  file_.read_at(index * sizeof number, sizeof number, bytes);
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::map<std::string, std::string> CrashCounter::environment(std::string_view point) const {
  return {{"DUET_CRASH_AT", std::string(point)}, {"DUET_CRASH_COUNTER", file_.path().string()}};
}

}  // namespace duet
