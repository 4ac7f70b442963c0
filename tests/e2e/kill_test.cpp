// kill -9 under load: whatever dies, every PUBACKed message is stored once, in order, and delivered.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "tests/support/chatter.h"
#include "tests/support/end_record.h"
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

constexpr int kPairs = 4;

// Eight devices of eight users, in both versions of MQTT.
std::vector<std::unique_ptr<Chatter>> start_load(const TestPlatform& platform) {
  std::vector<std::unique_ptr<Chatter>> chatters;
  for (int pair = 1; pair <= kPairs; ++pair) {
    const std::string left = "left" + std::to_string(pair);
    const std::string right = "right" + std::to_string(pair);
    chatters.push_back(std::make_unique<Chatter>(
        platform,
        ChatterSpec{.user = left, .peer = right, .version = MqttVersion::v3_1_1, .receipts = true}));
    chatters.push_back(
        std::make_unique<Chatter>(platform, ChatterSpec{.user = right, .peer = left, .receipts = true}));
  }
  return chatters;
}

// Waits until each has had more messages confirmed: the platform works again, for everybody. So many that a
// process has lived long enough for the supervisor to start its successor without delay.
void await_progress(const TestPlatform& platform, const std::vector<std::unique_ptr<Chatter>>& chatters) {
  constexpr std::size_t kMore = 40;
  std::vector<std::size_t> before;
  before.reserve(chatters.size());
  for (const auto& chatter : chatters) before.push_back(chatter->confirmed());
  const bool progress = eventually([&] {
    for (std::size_t i = 0; i < chatters.size(); ++i) {
      if (chatters[i]->confirmed() < before[i] + kMore) return false;
    }
    return true;
  });
  if (!progress) throw std::runtime_error("no progress after the kill\n" + platform.logs());
}

TEST_P(Kill, LosesNothingThatWasAcknowledged) {
  auto chatters = start_load(platform());
  const bool broker_dies = std::ranges::count(GetParam().victims, Service::broker) > 0;
  for (int time = 0; time < GetParam().times; ++time) {
    await_progress(platform(), chatters);
    std::vector<std::pair<Service, pid_t>> killed;
    for (const Service victim : GetParam().victims) {
      killed.emplace_back(victim, platform().pid(victim));
      ASSERT_GT(killed.back().second, 0);
    }
    for (const auto& [victim, pid] : killed) ::kill(pid, SIGKILL);
    for (const auto& [victim, pid] : killed) platform().await_replaced(victim, pid);
  }
  await_progress(platform(), chatters);

  for (const auto& chatter : chatters) EXPECT_TRUE(chatter->finish()) << chatter->user();
  for (std::size_t i = 0; i < chatters.size(); i += 2) {
    Chatter& left = *chatters[i];
    Chatter& right = *chatters[i + 1];
    const Seq last = std::max(left.highest_seen(), right.highest_seen());
    for (Chatter* chatter : {&left, &right}) {
      // While the broker lives its connections do, and everything must come by itself: no sync fills a hole.
      if (broker_dies) chatter->sync_again();
      EXPECT_TRUE(eventually([&] { return chatter->seen_all(last); })) << chatter->user();
      if (!broker_dies) {
        EXPECT_EQ(chatter->connections(), 1U) << chatter->user();
      }
      EXPECT_TRUE(eventually([&] { return chatter->quiet(); })) << chatter->user();
      EXPECT_THAT(chatter->complaints(), IsEmpty());
    }
    const auto violations = check_conversation(record_of(platform(), left), record_of(platform(), right));
    EXPECT_THAT(violations, IsEmpty()) << left.user() << " and " << right.user();
  }
}

std::string name_of(const ::testing::TestParamInfo<Killing>& killing) {
  return killing.param.name;
}

// ctest also runs a shorter form, which the sanitizers have time for.
int kills() {
  const char* told = std::getenv("DUET_KILLS");
  return told == nullptr ? 10 : std::stoi(told);
}

INSTANTIATE_TEST_SUITE_P(Each, Kill,
                         ::testing::Values(Killing{"store", {Service::store}, kills()},
                                           Killing{"broker", {Service::broker}, kills()},
                                           Killing{"both", {Service::broker, Service::store}, kills()}),
                         name_of);

}  // namespace
}  // namespace duet
