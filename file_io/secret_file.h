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
// Of a secret that one user hands to another, by way of a group that only the other is in.
inline constexpr mode_t kHandedOverMode = 0640;
inline constexpr std::size_t kMaxSecretBytes = std::size_t{64} * 1024;

// Whether only those may read a file of this mode who shall: its owner or, of another user's file, we by our
// own group, which may not write.
bool is_private(mode_t mode, uid_t owner, gid_t group, uid_t our_user, gid_t our_group);

// The whole file. Refuses one that is no regular file, that is not private, or that is larger than
// kMaxSecretBytes.
std::string read_secret_file(const std::filesystem::path& path);
// The same without white space at its end: a token that an editor or `>` has given a newline.
std::string read_secret_line(const std::filesystem::path& path);

// Replaces `path` with a file of this content and mode: a reader finds the old file or the new one, whole,
// also after a crash. The directory must exist.
void write_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode);

// The same for a file that must not be there yet: throws when it is, and leaves it alone.
void create_file_atomically(const std::filesystem::path& path, std::string_view content, mode_t mode);

}  // namespace duet
