#include "protocol/error_code.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace duet {
namespace {

TEST(ErrorCode, GoesByTheNamesOfTheContract) {
  const std::set<std::string> names{"malformed",    "too_large",   "not_authorized", "not_found", "blocked",
                                    "rate_limited", "unavailable", "unknown_method", "reset"};
  std::set<std::string> seen;
  for (int value = 0; value <= static_cast<int>(ErrorCode::reset); ++value) {
    const auto code = static_cast<ErrorCode>(value);
    seen.insert(std::string(to_string(code)));
    EXPECT_EQ(parse_error_code(to_string(code)), code);
  }
  EXPECT_EQ(seen, names);
}

TEST(ErrorCode, RefusesOtherNames) {
  for (const char* text : {"", "Malformed", "malformed ", "ok", "unknown"}) {
    EXPECT_FALSE(parse_error_code(text)) << text;
  }
}

}  // namespace
}  // namespace duet
