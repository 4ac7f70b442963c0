#include "service/health.h"

#include <gmock/gmock.h>

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HealthTest : public ::testing::Test {
 protected:
  Health::Clock::time_point now_ = Health::Clock::now();
  Health health_{[this] { return now_; }};
};

TEST_F(HealthTest, IsLiveAndReadyWithoutTroubles) {
  health_.add_loop("the writer");
  health_.add_state();
  health_.add_check([](auto) { return std::nullopt; });
  EXPECT_EQ(health_.report(), HealthReport());
}

TEST_F(HealthTest, ALoopThatHangsIsNeitherLiveNorReady) {
  auto& loop = health_.add_loop("the writer", 10s);
  now_ += 10s;
  EXPECT_TRUE(health_.report().live);
  now_ += 2s;
  const auto report = health_.report();
  EXPECT_FALSE(report.live);
  EXPECT_FALSE(report.ready);
  EXPECT_THAT(report.reasons, ElementsAre("the writer has not moved for 12 s"));
  loop.turned();
  EXPECT_TRUE(health_.report().live);
}

TEST_F(HealthTest, ALoopThatWaitsForWorkStaysAlive) {
  auto& loop = health_.add_loop("a reader", 10s);
  loop.waits();
  now_ += 1h;
  EXPECT_TRUE(health_.report().live);
  loop.turned();
  now_ += 11s;
  EXPECT_FALSE(health_.report().live);
}

TEST_F(HealthTest, AStateIsBadForItsReasonUntilItIsGood) {
  auto& state = health_.add_state("not connected yet");
  now_ += 3s;
  EXPECT_THAT(health_.report().reasons, ElementsAre("not connected yet (for 3 s)"));
  EXPECT_TRUE(health_.report().live);
  state.good();
  EXPECT_TRUE(health_.report().ready);
  state.bad("the database failed: disk full");
  now_ += 5s;
  state.bad("the database failed: read-only");  // the time counts from the first failure
  now_ += 2s;
  EXPECT_THAT(health_.report().reasons, ElementsAre("the database failed: read-only (for 7 s)"));
}

TEST_F(HealthTest, EachTroubleIsAReason) {
  health_.add_state("one");
  health_.add_check([](auto) { return "two"; });
  EXPECT_THAT(health_.report().reasons, ElementsAre("one (for 0 s)", "two"));
  EXPECT_EQ(summary(health_.report()), "one (for 0 s); two");
  EXPECT_EQ(summary(HealthReport()), "ready");
}

TEST(HealthText, IsReadBackAsItWasWritten) {
  const HealthReport report{.live = true, .ready = false, .reasons = {"a \"quoted\" reason", "another"}};
  EXPECT_EQ(format_health(report),
            "{\"live\":true,\"ready\":false,\"reasons\":[\"a \\\"quoted\\\" reason\",\"another\"]}\n");
  EXPECT_EQ(parse_health(format_health(report)), report);
  EXPECT_EQ(parse_health(format_health({})), HealthReport());
}

TEST(HealthText, RefusesEverythingElse) {
  for (const char* text :
       {"", "{}", "[]", "{\"live\":1,\"ready\":true,\"reasons\":[]}", "{\"live\":true,\"ready\":true}",
        "{\"live\":true,\"ready\":true,\"reasons\":[1]}"}) {
    EXPECT_EQ(parse_health(text), std::nullopt) << text;
  }
}

TEST(DiskTrouble, IsSilentWhereThereIsRoom) {
  EXPECT_EQ(disk_trouble("/"), std::nullopt);
  EXPECT_EQ(disk_trouble("/no/such/directory"), std::nullopt);
}

}  // namespace
}  // namespace duet
