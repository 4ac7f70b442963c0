// file_io/secret_file.h: files with keys and tokens, and files that readers must never see half written.
//
// Every failure is a std::system_error or std::runtime_error that names the file and what is wrong.
// Thread-safe, as far as the file system is.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace duet {

inline constexpr mode_t kSecretMode = 0600;
inline constexpr std::size_t kMaxSecretBytes = std::size_t{64} * 1024;

// The whole file. Refuses one that is no regular file, that group or others may read, write or execute, or
// that is larger than kMaxSecretBytes.
std::string read_secret_file(const std::filesystem::path& path);
// The same without white space at its end: a token that an editor or `>` has given a newline.
std::string read_secret_line(const std::filesystem::path& path);

// Replaces `path` with a file of this content and mode: a reader finds the old file or the new one, whole,
// also after a crash. The directory must exist.
void write_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode);

// The same for a file that must not be there yet: throws when it is, and leaves it alone.
void create_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode);

}  // namespace duet
