#include "acl/access_document.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "acl/access.h"
#include "tests/support/places.h"

namespace duet {
namespace {

TEST(AccessDocument, IsThePublishedOne) {
  std::ifstream file(source_dir() / "docs" / "access.md");
  ASSERT_TRUE(file);
  const std::string published{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(format_access_document(), published) << "renew it: duet-access-table > docs/access.md";
}

TEST(AccessDocument, ShowsEveryRow) {
  const auto page = format_access_document();
  for (const auto& rule : access_table()) {
    EXPECT_NE(
        page.find("| " + std::string(to_string(rule.access)) + " | `" + std::string(rule.pattern) + "` |"),
        std::string::npos)
        << rule.pattern;
  }
}

}  // namespace
}  // namespace duet
