// push_bridge/http_date.h: dates in HTTP fields (RFC 9110 5.6.7). Pure.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/names.h"

namespace duet {

// Reads the three forms that a recipient must know; nullopt for everything else:
//   Sun, 06 Nov 1994 08:49:37 GMT     Sunday, 06-Nov-94 08:49:37 GMT     Sun Nov  6 08:49:37 1994
// The day of the week is not compared with the date. A year of two digits is the one of 1970 to 2069.
std::optional<Timestamp> parse_http_date(std::string_view text);

}  // namespace duet
