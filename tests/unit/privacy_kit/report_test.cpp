#include "privacy_kit/report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace duet::privacy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PrivacyReport, CountsACellOnceAndAFindingOnce) {
  Report report("kit-1-");
  report.checked({"owner", "publish", "a"});
  report.checked({"owner", "publish", "a"});
  report.checked({"owner", "publish", "b"});
  for (int i = 0; i < 2; ++i) report.leak({"stranger", "subscribe", "#"}, "refused", "granted");
  report.leak({"stranger", "subscribe", "#"}, "refused", "something else");
  EXPECT_EQ(report.cells(), 3U);
  EXPECT_EQ(report.leaks().size(), 2U);
  EXPECT_EQ(report.summary(), "3 cells, 2 leaks");
}

TEST(PrivacyReport, TellsLeaksFromWhatDoesNotWork) {
  Report report("kit-1-");
  report.broken({"owner", "publish", "a"}, "arrives", "nothing");
  EXPECT_EQ(report.summary(), "1 cells, 0 leaks, 1 failures");
  EXPECT_THAT(report.table(), HasSubstr("FAILURE: owner, publish, a"));
}

TEST(PrivacyReport, LeavesThePrefixOut) {
  Report report("kit-1-");
  report.leak({"stranger", "subscribe", "u/kit-1-alice/in/#"}, "refused", "kit-1-bob said it");
  EXPECT_THAT(report.table(), HasSubstr("u/alice/in/#"));
  EXPECT_THAT(report.table(), HasSubstr("1 (1 LEAKS)"));
  EXPECT_THAT(report.table() + report.json().dump(), Not(HasSubstr("kit-1-")));
}

TEST(PrivacyReport, PrintsSomeOfManyFindingsAndCountsTheRest) {
  Report report("kit-1-");
  for (int i = 0; i < 50; ++i)
    report.leak({"stranger", "subscribe", std::to_string(i)}, "refused", "granted");
  EXPECT_THAT(report.table(), HasSubstr("LEAK: and 10 more"));
  EXPECT_EQ(report.json().at("leaks").size(), 50U);
}

TEST(PrivacyReport, SaysWhatWasNotChecked) {
  Report report("kit-1-");
  report.skipped("wills", "no time");
  EXPECT_THAT(report.table(), HasSubstr("not checked: wills (no time)"));
  EXPECT_EQ(report.json().at("skipped").size(), 1U);
}

}  // namespace
}  // namespace duet::privacy
