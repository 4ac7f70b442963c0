#include "store_service/cursor.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

constexpr std::string_view kEpoch = "0123456789abcdef";

TEST(Cursor, IsReadBackAsWritten) {
  for (const LogNumber n : {LogNumber{0}, LogNumber{1}, LogNumber{1} << 53, ~LogNumber{0}}) {
    EXPECT_EQ(parse_cursor(format_cursor(kEpoch, n), kEpoch), n);
  }
}

TEST(Cursor, RefusesWhatTheStoreNeverGave) {
  for (const auto* text :
       {"", ".", "7", "0123456789abcdef", "0123456789abcdef.", "0123456789abcdef.x", "0123456789abcdef.-1",
        "0123456789abcdef.+1", "0123456789abcdef. 1", "0123456789abcdef.01", "0123456789abcdef.1.",
        "0123456789abcdef.1 ", "0123456789abcdef.18446744073709551616", "fedcba9876543210.1",
        "0123456789abcdefa.1"}) {
    EXPECT_EQ(parse_cursor(text, kEpoch), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace duet
