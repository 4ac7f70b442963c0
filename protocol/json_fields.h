// protocol/json_fields.h: the members of a JSON object that a reader knows, taken from hostile text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/error_code.h"
#include "protocol/result.h"

namespace duet {

struct Absent {};
struct Null {};
// A value of a kind none of our members has: an array, an object, a negative or fractional number.
struct OtherJson {
  bool object = false;  // it is an object
};

using JsonField = std::variant<Absent, Null, bool, std::uint64_t, std::string, OtherJson>;

// Reads `text` as one JSON object (RFC 8259) and returns the values of `names`, in their order. Members with
// other names are skipped. Refuses as malformed: anything but one object, invalid UTF-8, lone surrogates,
// U+0000 in a member's name or value, nesting deeper than 16 and a known name given twice. Needs no more
// memory than the known values, and time linear in `text`.
Result<std::vector<JsonField>, Refusal> parse_json_fields(std::string_view text,
                                                          std::span<const std::string_view> names);

}  // namespace duet
