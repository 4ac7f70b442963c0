// Devices that end, or fall silent, in every way: who is woken, when, and who is not.

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>

#include "tests/fault/peer_process.h"
#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::chrono::seconds kLongGrace{10};

std::int64_t ms_of(Timestamp time) {
  return time.time_since_epoch().count();
}

class PushGhost : public PushPlatformTest<PushGhost> {
 public:
  static std::string_view decision() { return "grace_s = 10\n"; }

 protected:
  static std::string token_of(const std::string& user) { return "token-of-" + user; }

  // A client in a process of its own, which confirms what it gets. Its device has registered before.
  std::unique_ptr<PeerProcess> client_process(const std::string& user) {
    phone(user, token_of(user))->go_offline();
    const PeerSpec spec{.user = user,
                        .device = "phone",
                        .peers = {alice_->user()},
                        .token = platform().tokens().chat(user),
                        .url = "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port()),
                        .interval = std::chrono::hours(24),
                        .record = dir_.path() / (user + ".record"),
                        .state = {}};
    auto process = std::make_unique<PeerProcess>(PeerKind::node, std::vector{spec}, dir_.path() / user);
    process->await_ready();
    process->stop_publishing();
    process->sync();  // it is online
    expect_confirmed(user);
    return process;
  }
  // Online and confirming: no push. Once that is decided the device is known to be online.
  void expect_confirmed(const std::string& user) {
    const auto pushes = pushes_to(token_of(user)).size();
    const auto sent = alice_->send(user, "hello");
    alice_->wait_receipt(user, user, sent.seq, 0);
    EXPECT_THAT(bridge_->why(sent.id.str(), "cancelled"),
                HasSubstr("cancelled: the "));  // delivered, or read
    EXPECT_THAT(pushes_to(token_of(user)), SizeIs(pushes));
  }

  const std::unique_ptr<TestDevice> alice_ = online(fresh_user("alice"));
  const std::string stopped_ = fresh_user("stopped");
  const std::string killed_ = fresh_user("killed");
  TempDir dir_;
};

// A process that hangs keeps its connection: nobody but the missing confirmation tells. One that is killed,
// or whose network is gone, has a will.
TEST_F(PushGhost, AStoppedClientIsPushedToAfterTheGraceTimeAndAKilledOneAtOnce) {
  const auto stopped = client_process(stopped_);
  auto killed = client_process(killed_);
  const std::string cut_off = fresh_user("cut_off");
  const auto lost = phone(cut_off, token_of(cut_off));
  ASSERT_EQ(::kill(stopped->pid(), SIGSTOP), 0);
  ASSERT_EQ(::kill(killed->pid(), SIGSTOP), 0);  // so that it does not confirm before it dies
  const auto to_stopped = alice_->send(stopped_, "are you there?");
  const auto to_killed = alice_->send(killed_, "are you there?");
  const auto to_lost = alice_->send(cut_off, "are you there?");
  for (const auto* sent : {&to_stopped, &to_killed, &to_lost}) {
    EXPECT_THAT(bridge_->why(sent->id.str(), "wanted"),
                HasSubstr("after the grace time, as the device is online"));
  }
  killed.reset();  // SIGKILL
  lost->mqtt().drop();

  const auto first = wait_push(token_of(killed_));
  const auto second = wait_push(token_of(cut_off));
  const auto last = wait_push(token_of(stopped_));
  // The stopped one's message is the oldest, and its push waits longest.
  EXPECT_LT(first.at_ms, last.at_ms);
  EXPECT_LT(second.at_ms, last.at_ms);
  EXPECT_GE(last.at_ms, ms_of(to_stopped.ts) + std::chrono::milliseconds(kLongGrace).count());

  const auto next = alice_->send(killed_, "still there?");
  EXPECT_THAT(bridge_->why(next.id.str(), "sent"), HasSubstr("sent: accepted"));

  ASSERT_EQ(::kill(stopped->pid(), SIGCONT), 0);
  alice_->wait_receipt(stopped_, stopped_, to_stopped.seq, 0);
  expect_confirmed(stopped_);
  EXPECT_THAT(pushes_to(token_of(stopped_)), SizeIs(1));
}

// From the broker's stamp on the message to the provider's taking the push. The measure is a ghost, whose
// message is older and whose push is due after the grace time. DUET_PUSH_LATENCIES=100: so many devices.
TEST_F(PushGhost, WhoIsOfflineIsPushedToWithoutDelay) {
  const char* given = std::getenv("DUET_PUSH_LATENCIES");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const int count = given != nullptr ? std::atoi(given) : 10;
  std::vector<std::string> users;
  for (int n = 0; n < count; ++n) {
    users.push_back(fresh_user("away"));
    phone(users.back(), token_of(users.back()))->go_offline();
  }
  const std::string ghost = fresh_user("ghost");
  const auto silent = phone(ghost, token_of(ghost));
  const auto to_ghost = alice_->send(ghost, "are you there?");

  std::vector<std::int64_t> delays;
  for (const auto& user : users) {
    const auto sent = alice_->send(user, "hello");
    delays.push_back(wait_push(token_of(user)).at_ms - ms_of(sent.ts));
  }
  const auto last = wait_push(token_of(ghost));
  EXPECT_GE(last.at_ms, ms_of(to_ghost.ts) + std::chrono::milliseconds(kLongGrace).count());
  std::ranges::sort(delays);
  EXPECT_LT(delays.at(delays.size() / 2) * 10, last.at_ms - ms_of(to_ghost.ts));
  std::cerr << count << " pushes: p50 " << delays.at(delays.size() / 2) << " ms, max " << delays.back()
            << " ms\n";
}

}  // namespace
}  // namespace duet
