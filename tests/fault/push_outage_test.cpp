// One push service is away for long, and people go on writing to devices of that one and of others: the
// others are woken as before; for that one waits a push for each conversation of a device, however much is
// written, and when it is back each goes once, speaks of the newest message, and the one that has waited
// longest goes first. A token that was told dead before is never tried again.
//
// DUET_SECONDS: how long it is away.

#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "tests/fault/long_run.h"
#include "tests/fault/push_crowd.h"
#include "tests/support/environment.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;
using ::testing::IsEmpty;

constexpr std::size_t kOutageUsers = 40;
constexpr std::size_t kPhones = 5;  // of each, of the service that goes away
constexpr auto kBetweenMessages = 50ms;
// Messages of a conversation are pushed one by one while nothing is in the way.
constexpr const char* kAtOnce = "grace_s = 1\nrepeat_after_s = []\n";
// Pushes on their way to one host at a time (push_bridge/http2_poster.h): the order in which they arrive
// among each other is not the sender's to choose.
constexpr std::ptrdiff_t kStreams = 100;
constexpr std::int64_t kMostGrowthKiB = 8 * 1024;
// The bridge may have just looked when the service comes back, and looks once a minute.
constexpr auto kLongPatience = 180s;

// Whom alice writes to, on all platforms.
struct Reached {
  std::vector<WokenDevice> phones = {};    // FCM
  std::vector<WokenDevice> others = {};    // APNs and Web Push
  std::vector<std::int64_t> written = {};  // when each message was; number n is #n of the conversation
};

milliseconds median(std::vector<std::int64_t> times) {
  std::ranges::sort(times);
  return milliseconds(times.at(times.size() / 2));
}

class PushOutage : public OwnPlatformTest {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cerr << bridge_.log();
    OwnPlatformTest::TearDown();
  }

  void add_users() {
    std::vector<WokenDevice> all;
    for (std::size_t i = 0; i < kOutageUsers; ++i) {
      const std::string name = "bob" + std::to_string(i);
      Reached user;
      for (std::size_t n = 0; n < kPhones; ++n) {
        user.phones.push_back(woken_device(name, "phone" + std::to_string(n), PushProvider::fcm, providers_));
      }
      user.others = {woken_device(name, "tablet", PushProvider::apns, providers_),
                     woken_device(name, "browser", PushProvider::webpush, providers_)};
      all.insert(all.end(), user.phones.begin(), user.phones.end());
      all.insert(all.end(), user.others.begin(), user.others.end());
      users_.push_back(std::move(user));
    }
    register_and_leave(platform(), bridge_, all);
  }

  void write_to(Reached& user) {
    user.written.push_back(wall_ms());
    ASSERT_TRUE(accepted(alice_->publish_message(user.phones.front().user, "hello", TestDevice::fresh_id())));
  }
  // Evenly, for that time; user n is first written to when n/kOutageUsers of it are over.
  void write_for(std::chrono::seconds time) {
    const auto begin = Clock::now();
    std::size_t known = 0;
    std::size_t next = 0;
    for (auto now = begin; now - begin < time; now = Clock::now()) {
      if (known < kOutageUsers && (now - begin) * kOutageUsers >= time * known) {
        write_to(users_[known++]);
      } else {
        write_to(users_[next++ % known]);
      }
      if (next % 20 == 0) most_waiting_ = std::max(most_waiting_, waiting_pushes(bridge_));
      eventually([] { return false; }, kBetweenMessages);
    }
    EXPECT_EQ(known, kOutageUsers);
  }

  std::vector<AcceptedPush> pushes_to(const WokenDevice& device) const {
    std::vector<AcceptedPush> pushes;
    for (const auto& push : taken_) {
      if (push.token == device.token) pushes.push_back(push);
    }
    return pushes;
  }
  // How long it took until the others were woken for what was written from `from` on, and when the last was.
  std::vector<std::int64_t> latencies(std::int64_t from) {
    taken_ = providers_.accepted();
    std::vector<std::int64_t> all;
    for (const auto& user : users_) {
      for (const auto& device : user.others) {
        if (dead_.contains(device.token)) continue;
        const auto pushes = pushes_to(device);
        for (std::size_t seq = 1; seq <= user.written.size(); ++seq) {
          if (user.written[seq - 1] < from) continue;
          const auto push = std::ranges::find_if(pushes, [&](const auto& p) { return p.seq >= seq; });
          if (push == pushes.end()) return {};
          all.push_back(push->at_ms - user.written[seq - 1]);
        }
      }
    }
    return all;
  }
  std::vector<std::int64_t> wait_latencies(std::int64_t from) {
    std::vector<std::int64_t> all;
    EXPECT_TRUE(eventually([&] { return !(all = latencies(from)).empty(); })) << "not everybody was woken";
    return all;
  }

  // The first phone of a user, the second's tablet and the third's browser have lost the app.
  void let_tokens_die() {
    const std::array lost{users_[0].phones[0], users_[1].others[0], users_[2].others[1]};
    for (const auto& device : lost) {
      providers_.plan(
          {.provider = device.provider, .does = death_of(device.provider), .token = device.token});
      dead_.insert(device.token);
    }
    for (std::size_t i = 0; i < lost.size(); ++i) write_to(users_[i]);
    const int left = static_cast<int>(kOutageUsers * (kPhones + 2) - lost.size());
    EXPECT_TRUE(eventually([&] { return bridge_.registered() == left; })) << bridge_.registered();
  }
  static nlohmann::json death_of(PushProvider provider) {
    if (provider == PushProvider::fcm) {
      return {{"do", "answer"}, {"status", 404}, {"reason", "UNREGISTERED"}};
    }
    if (provider == PushProvider::webpush) return {{"do", "answer"}, {"status", 410}, {"reason", "gone"}};
    return {{"do", "answer"},
            {"status", 410},
            {"reason", "Unregistered"},
            {"timestamp", wall_ms() + 60'000}};  // after its registration
  }

  void expect_drained(std::int64_t since) {
    taken_ = providers_.accepted();
    std::map<std::string, std::int64_t> waits;  // since when, by token
    for (const auto& user : users_) {
      const auto first = std::ranges::find_if(user.written, [&](auto at) { return at >= since; });
      for (const auto& phone : user.phones) {
        auto pushes = pushes_to(phone);
        std::erase_if(pushes, [&](const auto& push) { return push.at_ms < since || push.duplicate; });
        if (dead_.contains(phone.token)) {
          EXPECT_THAT(pushes, IsEmpty());
          continue;
        }
        waits[phone.token] = *first;
        ASSERT_EQ(pushes.size(), 1U) << phone.user << "/" << phone.device;
        EXPECT_EQ(pushes[0].seq, user.written.size()) << phone.user << "/" << phone.device;
      }
    }
    expect_order(waits, since);
  }
  // None comes after more younger ones than can be on their way beside it.
  void expect_order(const std::map<std::string, std::int64_t>& waits, std::int64_t since) const {
    std::vector<std::int64_t> order;
    std::ptrdiff_t most = 0;
    for (const auto& push : taken_) {
      if (push.at_ms < since || push.duplicate || !waits.contains(push.token)) continue;
      const auto mine = waits.at(push.token);
      most = std::max(most, std::ranges::count_if(order, [&](auto other) { return other > mine; }));
      order.push_back(mine);
    }
    std::cout << order.size() << " pushes in the order of their age, but that one came after " << most
              << " younger ones" << std::endl;
    EXPECT_LE(most, kStreams);
  }

  PushDouble providers_;
  BridgeProcess bridge_{platform(), providers_, kAtOnce};
  std::unique_ptr<TestDevice> alice_ = online("alice");
  std::vector<Reached> users_;
  std::set<std::string> dead_;
  std::vector<AcceptedPush> taken_;
  std::size_t most_waiting_ = 0;
};

TEST_F(PushOutage, TheOthersGoOnAndWhatWaitedGoesOnceInOrderOfAge) {
  constexpr auto kCalm = 3s;
  const auto time = run_time(6s);
  add_users();
  write_for(kCalm);
  const auto calm = median(wait_latencies(0));
  let_tokens_die();
  EXPECT_TRUE(eventually([&] { return waiting_pushes(bridge_) == 0; }));

  const auto memory = static_cast<std::int64_t>(resident_kib(bridge_.pid()));
  providers_.take_down(PushProvider::fcm);
  const auto since = wall_ms();
  write_for(time);
  const auto others = wait_latencies(since);
  const auto grown = static_cast<std::int64_t>(resident_kib(bridge_.pid())) - memory;
  const std::size_t places = kOutageUsers * kPhones - 1;  // of the service that is away
  EXPECT_TRUE(eventually([&] { return waiting_pushes(bridge_) == places; })) << waiting_pushes(bridge_);
  EXPECT_LE(most_waiting_, kOutageUsers * (kPhones + 2));
  const auto back = wall_ms();
  providers_.bring_up(PushProvider::fcm);
  EXPECT_TRUE(eventually([&] { return waiting_pushes(bridge_) == 0; }, kLongPatience));
  const auto drained = wall_ms();

  std::size_t messages = 0;
  for (const auto& user : users_) messages += user.written.size();
  std::cout << "away for " << time.count() << " s, " << messages << " messages in all; others woken after "
            << calm.count() << " ms before and " << median(others).count()
            << " ms meanwhile (median; at most " << *std::ranges::max_element(others) << "); " << places
            << " pushes waited, at most " << most_waiting_ << " of all; the bridge grew by " << grown
            << " KiB; drained " << drained - back << " ms after it was back" << std::endl;
  EXPECT_LT(median(others), 5 * calm + 100ms);
  if (!memory_is_inflated()) {
    EXPECT_LT(grown, kMostGrowthKiB);
  }
  expect_drained(since);
  EXPECT_EQ(to_string(providers_.violations()), "");
  EXPECT_EQ(bridge_.stop(), 0);
}

}  // namespace
}  // namespace duet
