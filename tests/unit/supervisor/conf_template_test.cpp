#include "supervisor/conf_template.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

TEST(FillTemplate, FillsEveryPlace) {
  EXPECT_EQ(fill_template("listener @PORT@ @HOST_NAME@\n@PORT@", {{"PORT", "1883"}, {"HOST_NAME", "here"}}),
            "listener 1883 here\n1883");
}

TEST(FillTemplate, LeavesOtherAtSignsAlone) {
  EXPECT_EQ(fill_template("a@b @@ @lower@ @", {}), "a@b @@ @lower@ @");
}

TEST(FillTemplate, DoesNotFillWhatAValueBrings) {
  EXPECT_EQ(fill_template("@A@ @B@", {{"A", "@B@"}, {"B", "2"}}), "@B@ 2");
}

TEST(FillTemplate, RefusesAPlaceWithoutAValue) {
  EXPECT_EQ(fill_template("@PORT@", {}).error(), "there is no value for @PORT@");
}

TEST(FillTemplate, RefusesAValueWithoutAPlace) {
  EXPECT_EQ(fill_template("nothing", {{"PORT", "1"}}).error(), "@PORT@ does not occur");
}

TEST(FillTemplate, RefusesAValueThatWouldLeaveItsLine) {
  for (const char* value : {"a\nallow_anonymous true", "a\rb", "\t", "\x7F"}) {
    EXPECT_EQ(fill_template("@A@", {{"A", value}}).error(), "the value for @A@ has a control character");
  }
}

}  // namespace
}  // namespace duet
