// The end-to-end tests: `e2e_test` runs all of them, `e2e_test sdk_test` those of sdk_test.cpp. Options are
// GoogleTest's.

#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace {

// A filter for the tests of this file (without folder and .cpp); empty if it has none.
std::string tests_of(std::string_view file) {
  const std::string ending = "/" + std::string(file) + ".cpp";
  const auto& all = *::testing::UnitTest::GetInstance();
  std::string filter;
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const auto& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const auto& test = *suite.GetTestInfo(j);
      if (!std::string_view(test.file()).ends_with(ending)) continue;
      filter.append(suite.name()).append(".").append(test.name()).append(":");
    }
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  if (argc > 1) {
    const std::string filter = tests_of(argv[1]);
    if (argc > 2 || filter.empty()) {
      std::cerr << argv[0] << ": one file that has tests, such as sdk_test\n";
      return EXIT_FAILURE;
    }
    GTEST_FLAG_SET(filter, filter);
  }
  return RUN_ALL_TESTS();
}
