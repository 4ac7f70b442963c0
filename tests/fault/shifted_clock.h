// tests/fault/shifted_clock.h: a clock that the processes of a platform share (tests/fault/clock_shim.cpp).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace duet {

class ShiftedClock {
 public:
  // The clock is right at first.
  explicit ShiftedClock(std::filesystem::path file) : file_(std::move(file)) {
    shift(std::chrono::seconds(0));
  }

  // In place: the processes have mapped it.
  void shift(std::chrono::seconds offset) const {
    const std::int64_t nanoseconds = std::chrono::nanoseconds(offset).count();
    std::array<char, sizeof nanoseconds> bytes{};
    std::memcpy(bytes.data(), &nanoseconds, bytes.size());
    std::fstream file(file_, std::filesystem::exists(file_) ? std::ios::binary | std::ios::in | std::ios::out
                                                            : std::ios::binary | std::ios::out);
    file.write(bytes.data(), bytes.size());
  }

 private:
  std::filesystem::path file_;
};

}  // namespace duet
