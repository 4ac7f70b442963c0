// The machine's clock is set by hours or years while everything runs: it was kept in local time, or the board
// has no battery and boots in 1970. Tokens end, or are not good yet; the platform works again by itself.

#include <gmock/gmock.h>

#include <iostream>

#include "tests/fault/recovery_clock.h"
#include "tests/fault/shifted_clock.h"
#include "tests/support/bridge_process.h"
#include "tests/support/chatter.h"
#include "tests/support/end_record.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;

// Ten minutes after the beginning of 1970.
seconds to_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return 600s - std::chrono::duration_cast<seconds>(now);
}

std::size_t connects_in(const std::string& log) {
  std::size_t count = 0;
  const std::string part = "broker: connected to";
  for (auto at = log.find(part); at != std::string::npos; at = log.find(part, at + 1)) ++count;
  return count;
}

class ClockSteps : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure() && platform_) std::cerr << platform_->logs();
  }

  void start() {
    platform_ = std::make_unique<TestPlatform>(
        PlatformSpec{.environment = {{"LD_PRELOAD", shim()}, {"DUET_CLOCK_OFFSET", "{dir}/clock"}},
                     .prepare = [this](const std::filesystem::path& data) {
                       clock_.emplace(data.parent_path() / "clock");
                     }});
  }
  static std::string shim() { return (build_dir() / "lib" / "libduet_clock_shim.so").string(); }
  std::vector<std::string> with_clock() const {
    return {"env", "LD_PRELOAD=" + shim(),
            "DUET_CLOCK_OFFSET=" + (platform_->data_dir().parent_path() / "clock").string()};
  }
  // Good whatever the clock says.
  std::string lasting_token(const std::string& user) const {
    auto claims = platform_->tokens().claims(user);
    for (const char* begin : {"nbf", "iat"}) {
      if (claims.contains(begin)) claims[begin] = 1;
    }
    claims["exp"] = std::int64_t{4'000'000'000};
    return platform_->tokens().sign(claims);
  }
  std::unique_ptr<Chatter> chatter(const std::string& user, const std::string& peer, MqttVersion version) {
    return std::make_unique<Chatter>(
        *platform_, ChatterSpec{.user = user,
                                .peer = peer,
                                .version = version,
                                .token = lasting_token(user),
                                .on_confirmed = [this](auto published) { recovery_.confirmed(published); }});
  }

  // Sets the clock while people write. `ends_tokens`: the broker has to disconnect the services.
  void step(const std::string& what, seconds offset, bool ends_tokens, BridgeProcess& bridge) {
    const std::map<std::string, std::function<std::string()>> logs{
        {"store", [this] { return platform_->log_of("store"); }},
        {"auth", [this] { return platform_->log_of("auth"); }},
        {"push", [&] { return bridge.log(); }}};
    std::map<std::string, std::size_t> before;
    for (const auto& [name, log] : logs) before[name] = connects_in(log());
    clock_->shift(offset);
    recovery_.strike();
    const auto start = std::chrono::steady_clock::now();
    std::map<std::string, milliseconds> took;
    const auto note = [&](const std::string& name) {
      took.try_emplace(name,
                       std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start));
    };
    EXPECT_TRUE(eventually([&] {
      for (const auto& [name, log] : logs) {
        if (ends_tokens && connects_in(log()) > before[name]) note(name);
      }
      if (recovery_.wait(0ms)) note("sent");
      return took.size() == (ends_tokens ? 4 : 1);
    })) << what;
    std::cout << "| " << what;
    for (const auto* name : {"store", "auth", "push", "sent"}) {
      std::cout << " | " << (took.contains(name) ? std::to_string(took[name].count()) + " ms" : "stays");
    }
    std::cout << " |" << std::endl;
  }

  std::optional<ShiftedClock> clock_;
  std::unique_ptr<TestPlatform> platform_;
  RecoveryClock recovery_;
};

TEST_F(ClockSteps, ThePlatformWorksAgainByItself) {
  start();
  PushDouble providers;
  BridgeProcess bridge(*platform_, providers);
  EXPECT_EQ(bridge.stop(), 0);
  bridge.use_platform_token();
  bridge.run_by(with_clock());
  bridge.start();  // now: it refuses to begin in 1970
  platform_->stop();
  clock_->shift(to_1970());  // the machine boots without knowing the time
  platform_->start();
  EXPECT_TRUE(eventually([&] { return connects_in(bridge.log()) >= 3; }));
  const auto left = chatter("left", "right", MqttVersion::v3_1_1);
  const auto right = chatter("right", "left", MqttVersion::v5);
  recovery_.strike();
  ASSERT_TRUE(recovery_.wait(kPatience)) << "nothing goes in 1970";

  std::cout << "| step of the clock | store | auth service | push bridge | next `sent` "
               "|\n|---|---:|---:|---:|---:|\n";
  step("from 1970 to today", 0s, true, bridge);
  step("2 hours forward", 2h, true, bridge);
  step("2 hours back", 0s, false, bridge);
  step("another 2 hours back", -2h, false, bridge);
  // Their tokens are from before, or from after: they come up with fresh ones.
  platform_->kill_and_await({Service::broker, Service::store});
  recovery_.strike();
  ASSERT_TRUE(recovery_.wait(kPatience)) << "nothing goes after a restart";
  step("4 hours forward", 2h, true, bridge);

  for (const auto* chatter : {left.get(), right.get()}) {
    EXPECT_THAT(chatter->complaints(), IsEmpty());
  }
  for (Chatter* chatter : {left.get(), right.get()}) EXPECT_TRUE(chatter->finish()) << chatter->user();
  const Seq last = std::max(left->highest_seen(), right->highest_seen());
  for (Chatter* chatter : {left.get(), right.get()}) {
    EXPECT_TRUE(eventually([&] { return chatter->seen_all(last); })) << chatter->user();
  }
  clock_->shift(0s);  // the judge's tokens are of today
  EXPECT_THAT(check_conversation(record_of(*platform_, *left), record_of(*platform_, *right)), IsEmpty());
  EXPECT_EQ(bridge.stop(), 0);
}

// With all defaults its tokens live for a quarter of an hour.
TEST_F(ClockSteps, ListenGoesOnWhenItsTokenEnds) {
  start();
  const TempDir dir;
  auto words = with_clock();
  words.insert(words.end(), {program("duet"), "--data", platform_->data_dir().string(), "--as", "alice",
                             "--json", "listen"});
  ChildProcess listen(words, ChildProcess::Streams::piped, dir.path() / "log");
  const auto prints = [&](const std::string& text) {
    while (const auto line = listen.read_line(kPatience)) {
      if (line->find(text) != std::string::npos) return true;
    }
    return false;
  };
  TestDevice bob(*platform_, "bob");
  bob.spec().password = lasting_token("bob");
  bob.go_online();
  bob.send("alice", "before");
  EXPECT_TRUE(prints("before"));
  clock_->shift(20min);
  EXPECT_TRUE(eventually([&] {
    return platform_->log_of("broker").find("alice:cli: its token has expired") != std::string::npos;
  }));
  bob.send("alice", "after");
  EXPECT_TRUE(prints("after")) << text_of(dir.path() / "log");
}

}  // namespace
}  // namespace duet
