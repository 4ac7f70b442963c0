// kill -9 under load: whatever dies, every PUBACKed message is stored once, in order, and delivered.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "tests/support/environment.h"
#include "tests/support/load.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using ::testing::IsEmpty;

struct Killing {
  std::string name;
  std::vector<Service> victims;
  int times;
};

std::ostream& operator<<(std::ostream& out, const Killing& killing) {
  return out << killing.name << " " << killing.times << " times";
}

class Kill : public OwnPlatformTest, public ::testing::WithParamInterface<Killing> {
 protected:
  Kill() : OwnPlatformTest(kSmallSegments) {}
};

// So many that a process has lived long enough for the supervisor to start its successor without delay.
constexpr std::size_t kMore = 40;

TEST_P(Kill, LosesNothingThatWasAcknowledged) {
  Load load(platform(), {.pairs = 4, .interval = std::chrono::milliseconds(40)});
  const bool broker_dies = std::ranges::count(GetParam().victims, Service::broker) > 0;
  for (int time = 0; time < GetParam().times; ++time) {
    load.await_progress(kMore);
    std::vector<std::pair<Service, pid_t>> killed;
    for (const Service victim : GetParam().victims) {
      killed.emplace_back(victim, platform().pid(victim));
      ASSERT_GT(killed.back().second, 0);
    }
    for (const auto& [victim, pid] : killed) ::kill(pid, SIGKILL);
    for (const auto& [victim, pid] : killed) platform().await_replaced(victim, pid);
  }
  load.await_progress(kMore);
  // While the broker lives its connections do, and everything must come by itself.
  const auto judgement = load.finish(broker_dies ? Load::Connections::lost : Load::Connections::kept);
  EXPECT_THAT(judgement.violations, IsEmpty());
  EXPECT_THAT(judgement.complaints, IsEmpty());
}

std::string name_of(const ::testing::TestParamInfo<Killing>& killing) {
  return killing.param.name;
}

// ctest also runs a shorter form, which the sanitizers have time for.
int kills() {
  return static_cast<int>(number_from_environment("DUET_KILLS", 10));
}

INSTANTIATE_TEST_SUITE_P(Each, Kill,
                         ::testing::Values(Killing{"store", {Service::store}, kills()},
                                           Killing{"broker", {Service::broker}, kills()},
                                           Killing{"both", {Service::broker, Service::store}, kills()}),
                         name_of);

}  // namespace
}  // namespace duet
