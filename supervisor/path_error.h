// supervisor/path_error.h
#pragma once

#include <filesystem>
#include <string>

namespace duet {

// Throws std::system_error "PATH: DOING: the text of the errno `error`", the one line an operator reads.
[[noreturn]] void throw_path_error(const std::filesystem::path& path, const std::string& doing, int error);

}  // namespace duet
