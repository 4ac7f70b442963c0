// store_service/cursor.h: cursors, the places in the change log that clients keep: `<epoch>.<log number>`.
//
// Opaque for clients. Both users of a conversation get the same text. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store_service/store.h"

namespace duet {

std::string format_cursor(std::string_view epoch, LogNumber log_number);

// Returns nullopt for everything that a store of this epoch never gave.
std::optional<LogNumber> parse_cursor(std::string_view text, std::string_view epoch);

}  // namespace duet
