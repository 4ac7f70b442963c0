#include "supervisor/platform_health.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "service/ask.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const HealthReport kBad{.live = true, .ready = false, .reasons = {"no broker"}};
const HealthReport kDead{.live = false, .ready = false, .reasons = {"it does not answer"}};

TEST(Verdict, IsThatOfAllProcesses) {
  EXPECT_EQ(verdict_of({{"store", {}}, {"auth", {}}}, std::nullopt), HealthReport());
  const auto bad = verdict_of({{"store", kBad}, {"auth", {}}}, std::nullopt);
  EXPECT_TRUE(bad.live);
  EXPECT_FALSE(bad.ready);
  EXPECT_THAT(bad.reasons, ElementsAre("store: no broker"));
  const auto dead = verdict_of({{"store", kBad}, {"auth", kDead}}, "proxy: another certificate");
  EXPECT_FALSE(dead.live);
  EXPECT_THAT(dead.reasons,
              ElementsAre("auth: it does not answer", "store: no broker", "proxy: another certificate"));
}

TEST(PlatformHealthTest, CountsAsReadyUntilItHasAsked) {
  const PlatformHealth health({{.name = "store", .ask = [] { return kBad; }}});
  EXPECT_TRUE(health.verdict().ready);
  EXPECT_THAT(health.parts(), ElementsAre(std::pair("store", HealthReport())));
}

TEST(PlatformHealthTest, AsksEachProcessAndAnswersForAll) {
  const TemporaryDirectory directory;
  const auto socket = directory.path() / "health";
  std::atomic<bool> good = false;
  std::atomic<bool> hung = true;
  PlatformHealth health({{.name = "auth",
                          .ask =
                              [&] {
                                while (hung) std::this_thread::yield();
                                return HealthReport();
                              }},
                         {.name = "store", .ask = [&] { return good ? HealthReport() : kBad; }}});
  health.start(socket);
  // One that hangs keeps no other from being asked.
  while (health.verdict().ready) std::this_thread::yield();
  hung = false;
  const auto asked = ask_health(socket, 60s);
  ASSERT_TRUE(asked) << asked.error();
  EXPECT_THAT(asked->reasons, ElementsAre("store: no broker"));
  good = true;
  while (!health.verdict().ready) std::this_thread::yield();
  health.set_trouble("proxy: another certificate");
  EXPECT_THAT(health.verdict().reasons, ElementsAre("proxy: another certificate"));
  health.set_trouble(std::nullopt);
  EXPECT_THAT(health.verdict().reasons, IsEmpty());
}

}  // namespace
}  // namespace duet
