// Bridge, store and broker are killed at random while people write to devices that are away, that come and
// go, that confirm, and whose users read elsewhere: who was to be woken was, by pushes that say so once.
//
// DUET_PUSH_KILLS: how many kills. DUET_SEED: what the first run printed, to see its chances again.

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <mutex>
#include <random>

#include "tests/fault/push_crowd.h"
#include "tests/fault/push_judge.h"
#include "tests/support/chatter.h"
#include "tests/support/environment.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;
using ::testing::IsEmpty;

constexpr std::uint64_t kFewKills = 6;
constexpr milliseconds kOnItsWay{3000};
// Devices that are online have little time to confirm, and pushes of a conversation follow one another soon.
constexpr const char* kHurry = "grace_s = 1\nrepeat_after_s = [2, 2]\n";

enum class Habit : std::uint8_t {
  away,      // three devices, one of each platform, that never come
  reads,     // a phone that never comes; the user reads on a tablet
  confirms,  // a phone that is online and confirms
  wanders,   // a phone that comes and goes
};
constexpr std::array kHabits{Habit::away, Habit::reads, Habit::confirms, Habit::wanders};
constexpr std::array kPlatforms{PushProvider::fcm, PushProvider::apns, PushProvider::webpush};

enum class Victim : std::uint8_t { bridge, broker, store, all };
constexpr std::array kVictims{Victim::bridge, Victim::bridge, Victim::broker, Victim::store, Victim::all};

std::string_view to_string(Victim victim) {
  constexpr std::array<std::string_view, 4> kNames{"bridge", "broker", "store", "all three"};
  return kNames.at(static_cast<std::size_t>(victim));
}

// Writes to one user, and hears how far the user has got.
class Sender {
 public:
  Sender(const TestPlatform& platform, const std::string& user, const std::string& peer,
         milliseconds interval)
      : chatter_(platform, {.user = user,
                            .peer = peer,
                            .interval = interval,
                            .max_waiting = 50,
                            .on_marks = [this](const Receipt& marks) { note(marks); }}) {}

  Chatter& chatter() { return chatter_; }
  Seq delivered() const {
    const std::lock_guard lock(mutex_);
    return delivered_;
  }
  std::vector<KnownRead> reads() const {
    const std::lock_guard lock(mutex_);
    return reads_;
  }

 private:
  void note(const Receipt& marks) {
    const std::lock_guard lock(mutex_);
    delivered_ = std::max(delivered_, marks.delivered);
    const Seq before = reads_.empty() ? 0 : reads_.back().seq;
    if (marks.read > before) reads_.push_back({marks.read, wall_ms()});
  }

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Seq delivered_ = 0;
  std::vector<KnownRead> reads_;
  Chatter chatter_;  // last: its threads use the rest
};

// A user who is written to by two others. Of these only the first hears anything back.
struct Recipient {
  Habit habit;
  std::vector<WokenDevice> devices = {};
  std::vector<std::unique_ptr<Sender>> senders = {};
  std::unique_ptr<Chatter> present = {};  // a device that is connected
};

class PushStorm : public OwnPlatformTest {
 protected:
  PushStorm() : seed_(number_from_environment("DUET_SEED", std::random_device{}())), random_(seed_) {
    std::cout << "DUET_SEED=" << seed_ << std::endl;
    providers_.set("fresh_share", 0);  // a bridge that is killed needs another access token
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << "DUET_SEED=" << seed_ << "\n" << bridge_.log();
    OwnPlatformTest::TearDown();
  }

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  void pause(int low_ms, int high_ms) {
    eventually([] { return false; }, milliseconds(between(low_ms, high_ms)));
  }

  void add_recipients(int of_each_habit) {
    std::vector<WokenDevice> all;
    for (int i = 0; i < of_each_habit; ++i) {
      for (const Habit habit : kHabits) {
        Recipient made{.habit = habit};
        const std::string user = "bob" + std::to_string(recipients_.size());
        const std::size_t count = habit == Habit::away ? kPlatforms.size() : 1;
        for (std::size_t n = 0; n < count; ++n) {
          const auto platform = kPlatforms[(n + recipients_.size()) % kPlatforms.size()];
          made.devices.push_back(woken_device(user, "phone" + std::to_string(n), platform, providers_));
        }
        all.insert(all.end(), made.devices.begin(), made.devices.end());
        recipients_.push_back(std::move(made));
      }
    }
    all.insert(all.end(), {quiet_, reader_});
    register_and_leave(platform(), bridge_, all);
    quiet_place_ = {.name = "quiet from amy",
                    .token = quiet_.token,
                    .conversation = conversation_tag(bridge_, quiet_, "amy")};
    reader_place_ = {.name = "reader from amy",
                     .token = reader_.token,
                     .conversation = conversation_tag(bridge_, reader_, "amy")};
  }

  void begin_load() {
    for (auto& recipient : recipients_) {
      const std::string& user = recipient.devices.front().user;
      recipient.senders.push_back(std::make_unique<Sender>(platform(), "alice" + user, user, 200ms));
      recipient.senders.push_back(std::make_unique<Sender>(platform(), "anna" + user, user, 2s));
      if (recipient.habit != Habit::away && recipient.habit != Habit::wanders) come(recipient);
    }
  }
  void come(Recipient& recipient) {
    const auto& phone = recipient.devices.front();
    ChatterSpec spec{.user = phone.user,
                     .peer = "alice" + phone.user,
                     .device = "tablet",
                     .interval = 50ms,
                     .receipts = true,
                     .max_waiting = 0};
    if (recipient.habit != Habit::reads) {
      spec.device = phone.device;
      spec.greetings = phone.greetings();
    }
    recipient.present = std::make_unique<Chatter>(platform(), std::move(spec));
  }
  void wander() {
    for (auto& recipient : recipients_) {
      if (recipient.habit != Habit::wanders || between(0, 1) == 0) continue;
      if (recipient.present) {
        recipient.present.reset();
      } else {
        come(recipient);
      }
    }
  }

  // Every victim at its turn, in an order of chance.
  Victim next_victim() {
    if (victims_.empty()) {
      victims_.assign(kVictims.begin(), kVictims.end());
      std::ranges::shuffle(victims_, random_);
    }
    const Victim victim = victims_.back();
    victims_.pop_back();
    return victim;
  }

  // One push is taken and not answered for, and nothing follows it: the next process repeats it.
  void leave_unanswered() {
    const auto before = 2 * std::ssize(deaths_);  // each was owed one repeat
    EXPECT_TRUE(eventually([&] { return taken_of(quiet_.token) >= before; }));
    providers_.plan(
        {.provider = quiet_.provider, .does = {{"do", "hang"}, {"accept", true}}, .token = quiet_.token});
    quiet_place_.last = online("amy")->send(quiet_.user, "hello").seq;
    EXPECT_TRUE(eventually([&] { return taken_of(quiet_.token) > before; }));
  }
  // A push waits, as one went just before it, and the user reads elsewhere: the next process must not send
  // it.
  void read_in_time() {
    const auto amy = online("amy");
    const auto tablet = online(reader_.user, "tablet");
    const auto before = taken_of(reader_.token);
    amy->send(reader_.user, "hello");
    EXPECT_TRUE(eventually([&] { return taken_of(reader_.token) > before; }));
    const Seq seq = amy->send(reader_.user, "are you there?").seq;
    tablet->receipt("amy", "read", seq);
    amy->wait_receipt(reader_.user, reader_.user, 0, seq);
    reader_place_.last = seq;
    reader_place_.needless = seq;
    reader_place_.reads.push_back({seq, wall_ms()});
  }
  std::ptrdiff_t taken_of(const std::string& token) const {
    return std::ranges::count_if(
        providers_.accepted(), [&](const AcceptedPush& push) { return push.token == token && push.seq > 0; });
  }

  void strike(Victim victim) {
    const bool bridge_dies = victim == Victim::bridge || victim == Victim::all;
    if (bridge_dies) leave_unanswered();
    pause(100, 1500);
    if (bridge_dies) read_in_time();
    const auto killed_at = wall_ms();
    if (bridge_dies) bridge_.kill();
    if (victim == Victim::broker) platform().kill_and_await({Service::broker});
    if (victim == Victim::store) platform().kill_and_await({Service::store});
    if (victim == Victim::all) platform().kill_and_await({Service::broker, Service::store});
    if (!bridge_dies) return;
    pause(0, 1500);  // what was said meanwhile is not lost
    bridge_.start();
    deaths_.push_back({killed_at, wall_ms()});
  }

  // Until nothing happens any more. Returns the place of the last push.
  PushPlace come_to_rest() {
    for (auto& recipient : recipients_) {
      for (const auto& sender : recipient.senders) EXPECT_TRUE(sender->chatter().finish());
      if (!recipient.present) continue;
      recipient.present->finish();
      recipient.present->sync_again();
      EXPECT_TRUE(eventually([&] { return recipient.present->quiet(); })) << recipient.devices.front().user;
      EXPECT_THAT(recipient.present->complaints(), IsEmpty());
    }
    for (auto& recipient : recipients_) {
      for (const auto& sender : recipient.senders) sender->chatter().sync_again();
    }
    // The log is followed in order: what came before this is known to the bridge when it is pushed.
    const auto last = woken_device("last", "phone", PushProvider::fcm, providers_);
    register_and_leave(platform(), bridge_, {last});
    const Envelope sent = online("alice")->send(last.user, "that was all");
    EXPECT_TRUE(eventually([&] { return taken_of(last.token) > 0; }));
    EXPECT_TRUE(eventually([&] { return waiting_pushes(bridge_) == 0; })) << waiting_pushes(bridge_);
    return {.name = "last",
            .token = last.token,
            .conversation = conversation_tag(bridge_, last, "alice"),
            .last = sent.seq};
  }

  std::vector<PushPlace> places() {
    std::vector<PushPlace> all{quiet_place_, reader_place_};
    for (auto& recipient : recipients_) {
      const bool one_device = recipient.habit == Habit::confirms || recipient.habit == Habit::wanders;
      for (const auto& sender : recipient.senders) {
        const auto reads = sender->reads();
        const Seq read = reads.empty() ? 0 : reads.back().seq;
        for (const auto& device : recipient.devices) {
          const std::string& from = sender->chatter().user();
          all.push_back({.name = device.user + "/" + device.device + " from " + from,
                         .token = device.token,
                         .conversation = conversation_tag(bridge_, device, from),
                         .last = sender->chatter().highest_seen(),
                         .needless = one_device ? std::max(read, sender->delivered()) : read,
                         .reads = reads});
        }
        EXPECT_THAT(sender->chatter().complaints(), IsEmpty());
      }
    }
    return all;
  }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  PushDouble providers_;
  BridgeProcess bridge_{platform(), providers_, kHurry};
  std::vector<Recipient> recipients_;
  const WokenDevice quiet_ = woken_device("quiet", "phone", PushProvider::apns, providers_);
  const WokenDevice reader_ = woken_device("reader", "phone", PushProvider::fcm, providers_);
  PushPlace quiet_place_;
  PushPlace reader_place_;
  std::vector<Victim> victims_;
  std::vector<BridgeDeath> deaths_;
};

// What the storm was, for people; and that it was one. Returns how many repeats there were.
std::ptrdiff_t report(const std::vector<AcceptedPush>& taken, const std::vector<PushPlace>& places,
                      const std::map<Victim, int>& killed) {
  const auto repeats = std::ranges::count_if(taken, &AcceptedPush::duplicate);
  const auto silent = std::ranges::count(taken, 0U, &AcceptedPush::seq);
  std::size_t messages = 0;
  std::size_t reads = 0;
  for (const auto& place : places) {
    messages += place.last;
    reads += place.reads.size();
  }
  for (const auto& [victim, times] : killed) std::cout << to_string(victim) << " killed " << times << "×, ";
  std::cout << places.size() << " conversations of devices, " << messages << " messages for them, " << reads
            << " times read elsewhere; " << taken.size() << " pushes, of them " << silent << " silent, "
            << repeats << " repeats" << std::endl;
  EXPECT_GT(messages, 0U);
  EXPECT_GT(reads, 0U);
  return repeats;
}

TEST_F(PushStorm, WhoWasToBeWokenWasAndNobodyWhoHadRead) {
  const auto kills = number_from_environment("DUET_PUSH_KILLS", kFewKills);
  add_recipients(2);
  begin_load();
  std::map<Victim, int> killed;
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    wander();
    const auto victim = next_victim();
    ++killed[victim];
    strike(victim);
  }
  const PushPlace last = come_to_rest();
  auto all = places();
  all.push_back(last);
  const auto taken = providers_.accepted();
  EXPECT_THAT(judge_pushes(taken, all, deaths_, kOnItsWay), IsEmpty());
  EXPECT_EQ(to_string(providers_.violations()), "");
  EXPECT_GE(report(taken, all, killed), std::ssize(deaths_));
  EXPECT_EQ(bridge_.stop(), 0);
}

}  // namespace
}  // namespace duet
