#include "tests/support/environment.h"

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace duet {

std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  const std::string_view view = text;
  const char* end = view.data() + view.size();
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(view.data(), end, number);
  if (error != std::errc() || stop != end) throw std::runtime_error(std::string(variable) + " is no number");
  return number;
}

bool memory_is_inflated() {
#ifdef DUET_TESTS_SANITIZED
  return true;
#else
  return false;
#endif
}

}  // namespace duet
