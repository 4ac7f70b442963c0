// The entry point that libFuzzer calls.
#include "fuzz/fuzz.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // Null when there is nothing.
  duet::fuzz::run_input(size == 0 ? std::string_view()
                                  : std::string_view(reinterpret_cast<const char*>(bytes), size));
  return 0;
}
