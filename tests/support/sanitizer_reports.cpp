#include "tests/support/sanitizer_reports.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <system_error>

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLinesOfReport = 30;

bool begins_report(std::string_view line) {
  constexpr std::array<std::string_view, 5> kMarks{"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                                                   "WARNING: ThreadSanitizer", "FATAL: ThreadSanitizer",
                                                   ": runtime error: "};
  return std::any_of(kMarks.begin(), kMarks.end(),
                     [line](std::string_view mark) { return line.find(mark) != std::string_view::npos; });
}

void add_reports(const fs::path& file, std::vector<std::string>& reports) {
  std::ifstream lines(file);
  std::size_t wanted = 0;
  for (std::string line; std::getline(lines, line);) {
    if (begins_report(line)) {
      reports.push_back(file.filename().string() + ":");
      wanted = kLinesOfReport;
    }
    if (wanted == 0) continue;
    reports.back() += "\n" + line;
    --wanted;
  }
}

}  // namespace

std::vector<std::string> sanitizer_reports(const fs::path& directory) {
  std::vector<std::string> reports;
  std::error_code none;  // a directory that is not there has no reports
  for (const auto& entry : fs::recursive_directory_iterator(directory, none)) {
    if (entry.is_regular_file()) add_reports(entry.path(), reports);
  }
  return reports;
}

}  // namespace duet
