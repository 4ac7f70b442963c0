// fuzz/fuzz.h: what the fuzz targets have in common.
//
// A target is one run_input. main.cpp has libFuzzer's entry point, which calls it. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace duet::fuzz {

// Tries one input. Must not keep anything that changes what the next input does.
void run_input(std::string_view input);

// A broken invariant ends the process, which libFuzzer takes for a finding.
inline void require(bool holds, const char* invariant) {
  if (holds) return;
  static_cast<void>(std::fprintf(stderr, "broken invariant: %s\n", invariant));
  std::abort();
}

// Takes an input apart, from the front. What is not there is zero or empty.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t byte() {
    const auto taken = take(1);
    return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken.front());
  }
  std::uint16_t two_bytes() {
    const unsigned low = byte();
    return static_cast<std::uint16_t>(low | (unsigned{byte()} << 8U));
  }
  std::string_view take(std::size_t bytes) {
    const auto taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the end of the line, which is taken too.
  std::string_view line() {
    const auto taken = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(taken.size());
    take(1);
    return taken;
  }
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace duet::fuzz
