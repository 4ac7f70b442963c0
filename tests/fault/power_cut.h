// tests/fault/power_cut.h: what a disk may hold after a power cut, of a platform that ran under
// tests/fault/power_shim.cpp.
#pragma once

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/test_platform.h"

namespace duet {

// Sets the directories, and all in them, to one of the states the disk may be in. Of what was not synced,
// each sector of a file is there or not, the file is as long as before, as after or anything between, and
// each directory has the names of its last sync and the first few of the changes since. The same generator
// and the same files give the same state. Afterwards everything that is left counts as synced.
//
// Precondition: no process uses the directories. Returns what was lost, a line for each file and directory.
std::vector<std::string> cut_power(const std::vector<std::filesystem::path>& live,
                                   const std::filesystem::path& shadow, std::mt19937_64& random);

// Files in the directories that hold something that is not durable.
std::vector<std::string> unsynced_files(const std::vector<std::filesystem::path>& live,
                                        const std::filesystem::path& shadow);

// A platform whose journal and database are on such a disk, and its parts.
struct PowerPlatform {
  static PlatformSpec spec(std::string_view config);
  static std::vector<std::filesystem::path> live(const TestPlatform& platform);
  static std::filesystem::path shadow(const TestPlatform& platform);

  // SIGKILL for all, the power cut, and another boot id. start() goes on from there.
  static std::vector<std::string> cut(TestPlatform& platform, std::mt19937_64& random);
};

}  // namespace duet
