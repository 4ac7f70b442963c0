#include "broker_plugin/plugin_health.h"

#include <gmock/gmock.h>

#include "service/ask.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PluginHealthTest : public testing::Test {
 protected:
  PluginHealthTest() {
    options_.journal_dir = directory_.path();
    options_.health_listen = directory_.path() / "health";
    health_.emplace(options_);
  }
  std::vector<std::string> reasons() const {
    const auto report = ask_health(options_.health_listen, 60s);
    EXPECT_TRUE(report) << report.error();
    return report ? report->reasons : std::vector<std::string>();
  }
  void note(const GateStatus& status) { health_->note(status, Health::Clock::now()); }

  const TemporaryDirectory directory_;
  Options options_;
  std::optional<PluginHealth> health_;
};

TEST_F(PluginHealthTest, IsReadyWithAStoreAlone) {
  EXPECT_THAT(reasons(), Contains(HasSubstr("no store is connected")));
  note({.store_attached = true});
  EXPECT_THAT(reasons(), IsEmpty());
  note({});
  EXPECT_THAT(reasons(), Contains(HasSubstr("no store is connected")));
}

TEST_F(PluginHealthTest, SaysThatTheJournalCannotBeWrittenWhileThatIsNews) {
  note({.store_attached = true, .journal_failure = JournalFailure{"no space", Health::Clock::now()}});
  EXPECT_THAT(reasons(), Contains(HasSubstr("journal cannot be written: no space")));
  note({.store_attached = true, .journal_failure = JournalFailure{"no space", Health::Clock::now() - 11s}});
  EXPECT_THAT(reasons(), IsEmpty());
}

TEST_F(PluginHealthTest, IsToldTenTimesASecond) {
  const auto now = Health::Clock::now();
  health_->note({}, now);
  EXPECT_FALSE(health_->due(now + 99ms));
  EXPECT_TRUE(health_->due(now + 100ms));
}

TEST_F(PluginHealthTest, ALoopThatHangsIsNotReady) {
  health_->note({.store_attached = true}, Health::Clock::now() - 6s);
  EXPECT_THAT(reasons(), Contains(HasSubstr("loop has not turned for")));
}

class GateStatusTest : public GateTest {};

TEST_F(GateStatusTest, KnowsWhetherAStoreTakesTheRecords) {
  EXPECT_FALSE(gate_->status().store_attached);
  const auto store = connected(1, "duet-store");
  EXPECT_FALSE(gate_->status().store_attached);
  EXPECT_TRUE(gate_->may_subscribe(store, "ingest/0", now_));
  EXPECT_TRUE(gate_->status().store_attached);
  gate_->disconnected(context(1));
  EXPECT_FALSE(gate_->status().store_attached);
}

}  // namespace
}  // namespace duet
