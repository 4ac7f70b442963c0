// The wall clock jumps under load: the machine's clock is set right, or wrong.

#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "tests/fault/push_crowd.h"
#include "tests/support/chatter.h"
#include "tests/support/end_record.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

class ClockJump : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cerr << platform_.logs();
  }

  // The clock of broker, store and supervisor, as far ahead of ours.
  void set_clock(std::chrono::nanoseconds ahead) {
    const std::int64_t count = ahead.count();
    std::fstream file(platform_.data_dir().parent_path() / "clock",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(&count), sizeof count);
    ASSERT_TRUE(file.flush());
  }

  // A token that is valid whatever the clock says.
  std::string lasting_token(const std::string& user) const {
    constexpr std::int64_t kMonth = std::int64_t{30} * 24 * 3600;
    auto claims = platform_.tokens().claims(user);
    for (const char* begin : {"nbf", "iat"}) {
      if (claims.contains(begin)) claims[begin] = claims[begin].get<std::int64_t>() - kMonth;
    }
    claims["exp"] = claims["exp"].get<std::int64_t>() + kMonth;
    return platform_.tokens().sign(claims);
  }
  std::unique_ptr<TestDevice> online_for_long(const std::string& user) const {
    auto device = std::make_unique<TestDevice>(platform_, user);
    device->spec().password = lasting_token(user);
    device->go_online();
    return device;
  }

  void await_progress(const std::vector<Chatter*>& chatters) const {
    constexpr std::size_t kProgress = 30;
    for (const Chatter* chatter : chatters) {
      const auto goal = chatter->confirmed() + kProgress;
      EXPECT_TRUE(eventually([&] { return chatter->confirmed() >= goal; })) << chatter->user();
    }
  }

  static void await_told(const TestDevice& device, const std::string& peer, bool online) {
    const auto topic = in_topic(device.user(), peer, InKind::presence);
    device.wait_for(
        [&](const Received& received) {
          return received.topic == topic && received.json().at("online") == online;
        },
        "presence");
  }

  TestPlatform platform_{
      PlatformSpec{.environment = {{"LD_PRELOAD", (build_dir() / "lib" / "libduet_clock_shim.so").string()},
                                   {"DUET_CLOCK_OFFSET", "{dir}/clock"}}}};
};

TEST_F(ClockJump, LosesNothingAndKicksNobody) {
  Chatter left(platform_, {.user = "left", .peer = "right", .version = MqttVersion::v3_1_1});
  Chatter right(platform_, {.user = "right", .peer = "left"});
  const std::vector<Chatter*> both{&left, &right};
  for (const auto ahead : {0min, 10min, 0min, -10min, 0min}) {
    set_clock(ahead);
    await_progress(both);
  }
  for (Chatter* chatter : both) {
    EXPECT_TRUE(chatter->finish());
    const Seq last = std::max(left.highest_seen(), right.highest_seen());
    EXPECT_TRUE(eventually([&] { return chatter->seen_all(last); })) << chatter->user();
    EXPECT_EQ(chatter->connections(), 1U) << chatter->user();
    EXPECT_THAT(chatter->complaints(), IsEmpty());
  }
  EXPECT_THAT(check_conversation(record_of(platform_, left), record_of(platform_, right)), IsEmpty());
}

// The shim bites, and a conversation's time stands still where the clock goes back.
TEST_F(ClockJump, IsSeenInTheStampsAndTheyNeverGoBack) {
  const auto alice = online_for_long("alice");
  const auto before = alice->send("bob", "now").ts;
  set_clock(10min);
  const auto ahead = alice->send("bob", "ten minutes later").ts;
  EXPECT_GE(ahead - before, 10min);
  set_clock(-10min);
  const auto back = alice->send("bob", "twenty minutes earlier").ts;
  EXPECT_GE(back, ahead);
  EXPECT_LT(alice->send("carol", "another conversation").ts, before);
}

TEST_F(ClockJump, PresenceGoesOn) {
  const auto alice = online_for_long("alice");
  alice->send("bob", "hello");
  alice->result("presence", {{"with", "bob"}});
  for (const auto ahead : {10min, -10min}) {
    set_clock(ahead);
    auto watcher = online_for_long("alice");
    watcher->result("presence", {{"with", "bob"}});
    const auto bob = online_for_long("bob");
    await_told(*watcher, "bob", true);
    bob->mqtt().drop();
    await_told(*watcher, "bob", false);
  }
}

// The services' tokens live for an hour; a platform that is started again with the clock elsewhere comes up.
TEST_F(ClockJump, TheServicesConnectAgain) {
  for (const auto ahead : {10min, -10min}) {
    set_clock(ahead);
    platform_.kill_and_await({Service::broker, Service::store});
    const auto alice = online_for_long("alice");
    alice->await_store();
    alice->send("bob", "hello");
  }
}

// A session that outlives its connection ends: at its own time, or after a week
// (persistent_client_expiration) where the client cannot say when.
TEST_F(ClockJump, SessionsEndAtTheirTime) {
  const auto session_of = [&](const std::string& user, MqttVersion version, std::uint32_t expiry_s) {
    {
      TestDevice device(platform_, user, "phone", version);
      device.spec().password = lasting_token(user);
      device.spec().clean = false;
      device.spec().session_expiry_s = expiry_s;
      device.go_online();
    }
    // Its time begins with the end of its connection.
    EXPECT_TRUE(eventually(
        [&] { return platform_.log_of("broker").find(user + ":phone disconnected") != std::string::npos; }));
  };
  const auto expired = [&](const std::string& user) {
    return platform_.log_of("broker").find("Expiring client " + user + ":phone") != std::string::npos;
  };
  session_of("short", MqttVersion::v5, 60);
  session_of("old", MqttVersion::v3_1_1, 0);
  session_of("endless", MqttVersion::v5, std::numeric_limits<std::uint32_t>::max());
  set_clock(10min);
  EXPECT_TRUE(eventually([&] { return expired("short"); }));
  set_clock(24h * 6);
  session_of("another", MqttVersion::v5, 60);
  set_clock(24h * 6 + 10min);
  EXPECT_TRUE(eventually([&] { return expired("another"); }));
  EXPECT_FALSE(expired("old"));
  EXPECT_FALSE(expired("endless"));
  set_clock(24h * 8);
  EXPECT_TRUE(eventually([&] { return expired("old") && expired("endless"); }));
}

// A wait until a time of day ends when the moved clock has it: else a process that is started while the clock
// is ahead waits ten minutes for what it would have waited a second for.
TEST(ClockShim, MovesWaitsToo) {
  const TempDir dir;
  const auto clock = dir.path() / "clock";
  for (const std::chrono::nanoseconds ahead : {600s, 0s, -600s}) {
    const std::int64_t count = ahead.count();
    std::ofstream(clock, std::ios::binary).write(reinterpret_cast<const char*>(&count), sizeof count);
    const auto probe = run_command(
        {"env", "LD_PRELOAD=" + (build_dir() / "lib" / "libduet_clock_shim.so").string(),
         "DUET_CLOCK_OFFSET=" + clock.string(), (build_dir() / "tests" / "clock-probe").string()});
    EXPECT_EQ(probe.status, 0) << count << probe.err;
  }
}

// With a clock of its own, so that nothing else hears of it. It is ahead at first.
TEST(PushClock, APushWaitsNoLongerWhenTheClockIsSetBack) {
  TestPlatform platform;
  PushDouble providers;
  providers.set("fresh_share", 0);
  BridgeProcess bridge(platform, providers, "grace_s = 3\n");
  ASSERT_EQ(bridge.stop(), 0);
  const TempDir dir;
  const auto clock = dir.path() / "clock";
  std::ofstream(clock).close();
  const auto set_ahead = [&](std::chrono::nanoseconds ahead) {
    const std::int64_t count = ahead.count();
    std::fstream(clock, std::ios::in | std::ios::out | std::ios::binary)
        .write(reinterpret_cast<const char*>(&count), sizeof count);
  };
  set_ahead(10min);
  bridge.run_by({"env", "LD_PRELOAD=" + (build_dir() / "lib" / "libduet_clock_shim.so").string(),
                 "DUET_CLOCK_OFFSET=" + clock.string()});
  bridge.start();
  const auto phone = woken_device("bob", "phone", PushProvider::fcm, providers);
  register_and_leave(platform, bridge, {phone});
  TestDevice ghost(platform, phone.user, phone.device);
  ghost.go_online();
  TestDevice alice(platform, "alice");
  alice.go_online();
  const Envelope sent = alice.send(phone.user, "are you there?");
  EXPECT_NE(bridge.why(sent.id.str(), "grace").find("grace"), std::string::npos);
  set_ahead(0min);
  EXPECT_TRUE(eventually([&] { return !providers.accepted().empty(); })) << bridge.log();
  EXPECT_NE(bridge.log().find("set back"), std::string::npos) << bridge.log();
  EXPECT_EQ(to_string(providers.violations()), "");
  EXPECT_EQ(bridge.stop(), 0);
}

}  // namespace
}  // namespace duet
