#include "tests/support/verify_platform.h"

#include <sstream>

#include "tests/support/process.h"

namespace duet {

std::filesystem::path database_of(const TestPlatform& platform) {
  return platform.data_dir() / "store" / "duet.db";
}

std::filesystem::path journal_of(const TestPlatform& platform) {
  return platform.data_dir() / "journal" / "0";
}

std::vector<std::string> verify_platform(const TestPlatform& platform) {
  const Finished finished =
      run_command({program("duet-store"), "verify", "--database", database_of(platform).string(), "--journal",
                   journal_of(platform).string()});
  std::vector<std::string> violations;
  std::istringstream lines(finished.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("violation: ")) violations.push_back(line);
  }
  if (finished.status != 0 && violations.empty()) {
    violations.push_back("duet-store verify ended with " + std::to_string(finished.status) + ": " +
                         finished.out + finished.err);
  }
  return violations;
}

}  // namespace duet
