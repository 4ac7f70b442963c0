// tests/support/sanitizer_reports.h: what the sanitizers said of processes whose end no test sees: a race
// lets a process go on, and the supervisor starts what a fault has ended again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace duet {

// The beginning of each report in the directory's files, those in folders below it included.
std::vector<std::string> sanitizer_reports(const std::filesystem::path& directory);

}  // namespace duet
