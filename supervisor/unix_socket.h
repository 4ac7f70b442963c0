// supervisor/unix_socket.h: one question and its answer over a unix socket.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

// A unix socket's name (unix(7)) is at most so long.
inline constexpr std::size_t kMaxSocketPathBytes = 107;

// Connects, sends `text` and returns what comes until the other side closes. Nullopt when nobody listens, or
// when it takes longer than two seconds.
std::optional<std::string> ask_unix_socket(const std::filesystem::path& path, std::string_view text);

}  // namespace duet
