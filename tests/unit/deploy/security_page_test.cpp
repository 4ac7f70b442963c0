// docs/security.md names for each threat the tests that show it: all of them exist.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/support/places.h"
#include "tests/support/process.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

// "Suite.Name" of a line `TEST_F(Suite, Name) {`; empty: it is none.
std::string test_of(const std::string& line) {
  if (!line.starts_with("TEST")) return "";
  const auto open = line.find('(');
  const auto comma = line.find(", ", open);
  const auto close = line.find(')', comma);
  if (close == std::string::npos) return "";
  return line.substr(open + 1, comma - open - 1) + "." + line.substr(comma + 2, close - comma - 2);
}

std::set<std::string> tests_of_the_tree() {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(source_dir() / "tests")) {
    if (entry.path().extension() != ".cpp") continue;
    std::istringstream text(text_of(entry.path()));
    for (std::string line; std::getline(text, line);) names.insert(test_of(line));
  }
  return names;
}

TEST(SecurityPage, NamesTestsThatExist) {
  const std::string page = text_of(source_dir() / "docs" / "security.md");
  const auto tests = tests_of_the_tree();
  EXPECT_GT(tests.size(), 500U);
  const std::regex name(R"(`([A-Z]\w+\.[A-Z]\w+)`)");
  std::set<std::string> named;
  for (std::sregex_iterator at(page.begin(), page.end(), name), end; at != end; ++at) {
    named.insert((*at)[1].str());
    EXPECT_TRUE(tests.contains((*at)[1].str())) << "docs/security.md names " << (*at)[1].str();
  }
  EXPECT_GT(named.size(), 60U);
}

// A threat without a test is a wish.
TEST(SecurityPage, HasATestForEveryThreat) {
  std::istringstream page(text_of(source_dir() / "docs" / "security.md"));
  int threats = 0;
  bool in_table = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| threat |")) in_table = true;
    if (!line.starts_with("|")) in_table = false;
    if (!in_table || line.starts_with("| threat |") || line.starts_with("|---")) continue;
    ++threats;
    const bool has_test = std::regex_search(line, std::regex(R"(`[A-Z]\w+\.[A-Z]\w+`)"));
    EXPECT_TRUE(has_test) << line;
  }
  EXPECT_GT(threats, 20);
}

}  // namespace
}  // namespace duet
