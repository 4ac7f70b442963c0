// tests/support/places.h: where tests find the repository, and what is built. Asked for at run time, as an
// object that contains an absolute path is compiled again in every copy of the repository.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace duet {

// The repository.
std::filesystem::path source_dir();

// The build tree that this test is of.
std::filesystem::path build_dir();

// The path of one of its programs, such as duet-store.
std::string program(std::string_view name);

}  // namespace duet
