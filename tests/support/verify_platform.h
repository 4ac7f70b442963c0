// tests/support/verify_platform.h: whether what a platform has on disk keeps its laws (duet-store verify).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/test_platform.h"

namespace duet {

std::filesystem::path database_of(const TestPlatform& platform);
std::filesystem::path journal_of(const TestPlatform& platform);

// Runs `duet-store verify` on the platform's database and journal, whether it runs or not. Returns a line for
// each violation, and one that says why when nothing could be verified; empty: everything is sound.
std::vector<std::string> verify_platform(const TestPlatform& platform);

}  // namespace duet
