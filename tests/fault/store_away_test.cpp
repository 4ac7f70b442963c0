// The store is away for long, and 200 messages a second go on: they wait on disk, not in the broker's memory,
// and when the store is back everybody connected gets them in order, by themselves. Whoever reads more slowly
// than the store catches up loses what the broker's bounded queue cannot hold, sees the hole by seq, and has
// it from sync. Whose queue was full for the very last of them sees that hole by the next message.
//
// DUET_SECONDS: how long the store is away.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>

#include "tests/fault/long_run.h"
#include "tests/support/environment.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t kSenders = 4;
constexpr int kMessagesPerSecond = 200;
// What the broker's memory may grow by, and the least that the backlog must be for that to say something.
constexpr std::size_t kMaxGrowthKiB = 8UL * 1024;
// What the broker keeps for a listener who reads more slowly than the store catches up (max_queued_bytes).
constexpr std::size_t kQueueKiB = 4UL * 1024;
constexpr std::size_t kMinBacklogBytes = 18UL * 1024 * 1024;

struct Absence {
  std::string name;
  bool dead;  // or else it is only stopped, its connection and all
};

std::ostream& operator<<(std::ostream& out, const Absence& absence) {
  return out << absence.name;
}

// Sends to one peer, and counts how long each PUBACK takes.
class TimedSender {
 public:
  TimedSender(const TestPlatform& platform, const std::string& user, const std::string& peer,
              MqttVersion version)
      : topic_(msg_topic(user, peer)),
        client_({.port = platform.mqtt_port(),
                 .version = version,
                 .client_id = user + ":sender",
                 .username = user,
                 .password = platform.tokens().chat(user),
                 .will = {}}) {
    client_.set_puback_listener([this](int token, int reason) {
      const std::lock_guard lock(mutex_);
      accepted_ += accepted(reason) ? 1U : 0U;
      answered_[token] = Clock::now();
    });
    if (client_.connect() != kSuccess) throw std::runtime_error(user + " cannot connect");
  }

  bool send(const std::string& body) {
    const auto now = Clock::now();
    const auto token = client_.publish_async(
        {.topic = topic_,
         .payload = json{{"id", std::to_string(sent_.size() + 1)}, {"body", body}}.dump(),
         .correlation = {}});
    if (token) sent_.emplace_back(*token, now);
    return token.has_value();
  }
  std::size_t sent() const { return sent_.size(); }
  std::size_t acknowledged() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  void add_latencies(std::vector<Clock::duration>& all) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [token, at] : sent_) {
      if (const auto answer = answered_.find(token); answer != answered_.end())
        all.push_back(answer->second - at);
    }
  }

 private:
  const std::string topic_;
  std::vector<std::pair<int, Clock::time_point>> sent_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<int, Clock::time_point> answered_;
  std::size_t accepted_ = 0;
  TestClient client_;  // last: its thread uses the rest
};

// Takes what comes by itself, and keeps no more of it than it must.
class Listener {
 public:
  Listener(const TestPlatform& platform, const std::string& user, MqttVersion version)
      : client_({.port = platform.mqtt_port(),
                 .version = version,
                 .client_id = user + ":phone",
                 .username = user,
                 .password = platform.tokens().chat(user),
                 .will = {}}) {
    client_.set_listener([this](const Received& received) {
      const Seq seq = received.json().value("seq", Seq{0});
      const std::string id = received.json().value("id", "");
      const std::lock_guard lock(mutex_);
      if (seq <= last_) return;  // told again after the store's death
      if (seq != last_ + 1 || id != std::to_string(seq)) ++holes_;
      last_ = seq;
    });
    if (client_.connect() != kSuccess) throw std::runtime_error(user + " cannot connect");
    client_.subscribe("u/" + user + "/in/+/msg");
  }

  Seq last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  std::size_t holes() const {
    const std::lock_guard lock(mutex_);
    return holes_;
  }

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Seq last_ = 0;
  std::size_t holes_ = 0;  // not the message that follows the one before
  TestClient client_;      // last: its thread uses the rest
};

class StoreAway : public OwnPlatformTest, public ::testing::WithParamInterface<Absence> {
 protected:
  void SetUp() override {
    for (std::size_t i = 1; i <= kSenders; ++i) {
      const MqttVersion version = i % 2 == 0 ? MqttVersion::v5 : MqttVersion::v3_1_1;
      const std::string sender = "sender" + std::to_string(i);
      const std::string listener = "listener" + std::to_string(i);
      senders_.push_back(std::make_unique<TimedSender>(platform(), sender, listener, version));
      listeners_.push_back(std::make_unique<Listener>(platform(), listener, version));
    }
  }

  // At a steady rate; returns the broker's largest growth.
  std::size_t send_for(std::chrono::seconds time);
  bool all_arrived() const {
    for (std::size_t i = 0; i < kSenders; ++i) {
      if (listeners_[i]->last() < senders_[i]->sent()) return false;
    }
    return true;
  }
  // Sends another now and then, which shows a hole at the end.
  bool all_arrive_in(std::chrono::seconds patience);
  std::size_t broker_kib() { return resident_kib(platform().pid(Service::broker)); }
  void report(const std::string& when);
  // Everything that was sent to the listener is in its sync, once and in order.
  void expect_synced(std::size_t listener);

  const std::chrono::seconds time_ = run_time(15s);
  // So long that the backlog says something, also in the short form.
  const std::string body_ = std::string(
      std::max<std::size_t>(
          1024, kMinBacklogBytes / kMessagesPerSecond / static_cast<std::size_t>(time_.count()) + 1),
      'x');
  std::vector<std::unique_ptr<TimedSender>> senders_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

std::size_t StoreAway::send_for(std::chrono::seconds time) {
  const auto messages = static_cast<std::size_t>(time.count()) * kMessagesPerSecond;
  const std::size_t before = broker_kib();
  std::size_t growth = 0;
  auto next = Clock::now();
  for (std::size_t i = 0; i < messages; ++i) {
    if (!senders_[i % kSenders]->send(body_)) throw std::runtime_error("a sender lost its connection");
    next += 1000ms / kMessagesPerSecond;
    std::this_thread::sleep_until(next);  // the load's own rhythm; nothing is waited for
    if (i % kMessagesPerSecond == 0) growth = std::max(growth, std::max(broker_kib(), before) - before);
  }
  return growth;
}

bool StoreAway::all_arrive_in(std::chrono::seconds patience) {
  constexpr auto kNow = 5s;
  auto next = Clock::now() + kNow;
  return eventually(
      [&] {
        if (all_arrived()) return true;
        if (Clock::now() > next) {
          next += kNow;
          for (const auto& sender : senders_) sender->send("and another");
        }
        return false;
      },
      patience);
}

void StoreAway::report(const std::string& when) {
  std::vector<Clock::duration> all;
  for (const auto& sender : senders_) sender->add_latencies(all);
  std::ranges::sort(all);
  const auto at = [&](std::size_t percent) {
    return all.empty()
               ? 0
               : std::chrono::duration_cast<std::chrono::microseconds>(all[(all.size() - 1) * percent / 100])
                     .count();
  };
  std::cout << when << ": broker " << broker_kib() << " KiB, journal "
            << journal_bytes(platform().data_dir()) / 1024 << " KiB in "
            << journal_segments(platform().data_dir()) << " segments, PUBACK of " << all.size() << ": p50 "
            << at(50) << " us, p99 " << at(99) << " us, max " << at(100) << " us" << std::endl;
}

void StoreAway::expect_synced(std::size_t listener) {
  TestDevice device(platform(), "listener" + std::to_string(listener + 1), "tablet");
  device.go_online();
  Seq last = 0;
  for (const json& change : device.sync().changes) {
    if (change.at("kind") != "msg") continue;
    ASSERT_EQ(change.at("seq").get<Seq>(), ++last);
    ASSERT_EQ(change.at("id"), std::to_string(last));
  }
  EXPECT_EQ(last, senders_[listener]->sent());
}

TEST_P(StoreAway, TheBacklogIsOnDiskAndComesInOrder) {
  send_for(1s);
  ASSERT_TRUE(eventually([&] { return all_arrived(); }));
  report("store there");
  const std::size_t before = broker_kib();
  const std::size_t journal_before = journal_bytes(platform().data_dir());

  const pid_t store = platform().pid(Service::store);
  if (GetParam().dead) ::kill(platform().supervisor_pid(), SIGSTOP);  // nobody starts it again
  ::kill(store, GetParam().dead ? SIGKILL : SIGSTOP);
  const std::size_t growth = send_for(time_);
  for (const auto& sender : senders_) {
    EXPECT_TRUE(eventually([&] { return sender->acknowledged() == sender->sent(); }));
  }
  report("store away for " + std::to_string(time_.count()) + " s");
  if (!memory_is_inflated()) {
    EXPECT_LT(growth, kMaxGrowthKiB);
  }
  EXPECT_GT(journal_bytes(platform().data_dir()) - journal_before, kMinBacklogBytes);

  ::kill(GetParam().dead ? platform().supervisor_pid() : store, SIGCONT);
  EXPECT_TRUE(all_arrive_in(60s + time_));
  std::size_t holes = 0;
  for (std::size_t i = 0; i < kSenders; ++i) {
    EXPECT_EQ(listeners_[i]->last(), senders_[i]->sent());
    holes += listeners_[i]->holes();
    expect_synced(i);
  }
  std::cout << holes << " holes in what came live" << std::endl;
  EXPECT_TRUE(eventually([&] { return journal_segments(platform().data_dir()) == 1; }));
  report("all delivered");
  // What was queued for the listeners goes back to the allocator, if not to the system.
  if (!memory_is_inflated()) {
    EXPECT_LT(broker_kib(), before + kSenders * kQueueKiB + kMaxGrowthKiB);
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, StoreAway, ::testing::Values(Absence{"stopped", false}, Absence{"dead", true}),
                         [](const auto& absence) { return absence.param.name; });

}  // namespace
}  // namespace duet
