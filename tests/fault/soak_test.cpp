// Churn for an hour: users come, talk to others, ask, and leave in every way. Memory, descriptors and the
// journal must not grow with it.
//
// DUET_SECONDS: how long.

#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "tests/fault/long_run.h"
#include "tests/support/environment.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using ::testing::IsEmpty;

constexpr int kUsers = 2000;
constexpr int kFaithful = 20;  // of them, these have sessions that outlive their connections
constexpr int kWorkers = 2;
constexpr auto kPause = 40ms;  // between two visits of a worker: a third of a processor, all together
// Nearly all users have come by the first quarter of a run that is this long.
constexpr std::chrono::seconds kWarm{300};
// As small as they can be: the store's caches are full early.
constexpr std::size_t kCacheMib = 8;

std::string config() {
  return std::string(kUnlimited) + "[store]\ncache_mib = " + std::to_string(kCacheMib) + "\n";
}

// Makes visits to the platform, one after the other. Its users are no other visitor's.
class Visitor {
 public:
  Visitor(const TestPlatform& platform, int number)
      : platform_(platform),
        number_(number),
        random_(static_cast<unsigned>(number)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  std::size_t visits() const { return visits_; }
  // What went wrong; it ends the visits.
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }

 private:
  int pick(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  static std::string user(int number) { return "u" + std::to_string(number); }

  void run(const std::stop_token& stop) try {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      visit();
      ++visits_;
      never.wait_for(lock, stop, kPause, [] { return false; });
    }
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error.what();
  }

  void visit() {
    const int me = pick(0, kUsers / kWorkers - 1) * kWorkers + number_;
    TestDevice device(platform_, user(me), "phone", me % 4 < 2 ? MqttVersion::v3_1_1 : MqttVersion::v5);
    if (me < kFaithful) {
      device.spec().clean = false;
      if (device.version() == MqttVersion::v5) device.spec().session_expiry_s = 3600;
    }
    device.go_online();
    for (int i = pick(1, 3); i > 0; --i) talk(device, user((me + pick(1, 50)) % kUsers));
    device.result("conversations", {{"limit", 20}});
    device.result("sync", {{"limit", 50}});
    if (pick(0, 1) == 0) device.mqtt().drop();
  }

  void talk(TestDevice& device, const std::string& peer) {
    device.publish_message(peer, std::string(static_cast<std::size_t>(pick(0, 500)), 'x'),
                           TestDevice::fresh_id());
    const Envelope sent = device.send(peer, "the last word");
    device.receipt(peer, "read", sent.seq);
    device.result("history", {{"with", peer}, {"limit", 20}});
    device.result("presence", {{"with", peer}});
  }

  const TestPlatform& platform_;
  const int number_;
  std::mt19937 random_;
  std::atomic<std::size_t> visits_{0};
  mutable std::mutex mutex_;
  std::string failure_;  // guarded by mutex_
  std::jthread thread_;  // last: it uses the rest
};

struct Sample {
  std::size_t broker_kib;
  std::size_t store_kib;
  std::size_t database_kib;
};

// The middle one of a quarter of the samples, 0 to 3.
std::size_t median(const std::vector<Sample>& samples, std::size_t quarter, std::size_t Sample::*member) {
  std::vector<std::size_t> values;
  for (std::size_t i = samples.size() * quarter / 4; i < samples.size() * (quarter + 1) / 4; ++i) {
    values.push_back(samples[i].*member);
  }
  std::ranges::sort(values);
  return values.at(values.size() / 2);
}

class Soak : public OwnPlatformTest {
 protected:
  Soak() : OwnPlatformTest(config()) {}

  struct Descriptors {
    std::size_t broker;
    std::size_t store;
    friend bool operator==(const Descriptors&, const Descriptors&) = default;
  };
  Descriptors descriptors() {
    return {open_descriptors(platform().pid(Service::broker)),
            open_descriptors(platform().pid(Service::store))};
  }
  Sample sample();
  std::vector<Sample> churn(std::chrono::seconds time);
};

Sample Soak::sample() {
  const auto database = platform().data_dir() / "store" / "duet.db";
  return {resident_kib(platform().pid(Service::broker)), resident_kib(platform().pid(Service::store)),
          std::filesystem::file_size(database) / 1024};
}

// A sample for every hundredth of the time.
std::vector<Sample> Soak::churn(std::chrono::seconds time) {
  std::vector<std::unique_ptr<Visitor>> visitors;
  visitors.reserve(kWorkers);
  for (int i = 0; i < kWorkers; ++i) visitors.push_back(std::make_unique<Visitor>(platform(), i));
  std::vector<Sample> samples;
  samples.reserve(100);
  const auto start = Clock::now();
  for (int hundredth = 1; hundredth <= 100; ++hundredth) {
    std::this_thread::sleep_until(start + time * hundredth / 100);  // the rhythm of the samples
    samples.push_back(sample());
    std::size_t visits = 0;
    for (const auto& visitor : visitors) visits += visitor->visits();
    const auto open = descriptors();
    std::cout << hundredth << "%  visits " << visits << "  broker " << samples.back().broker_kib << " KiB, "
              << open.broker << " fd  store " << samples.back().store_kib << " KiB, " << open.store
              << " fd  database " << samples.back().database_kib << " KiB  segments "
              << journal_segments(platform().data_dir()) << std::endl;
  }
  for (const auto& visitor : visitors) {
    visitor->stop();
    EXPECT_THAT(visitor->failure(), IsEmpty());
    EXPECT_GT(visitor->visits(), 0U);
  }
  return samples;
}

TEST_F(Soak, NothingGrowsWithChurn) {
  const auto time = run_time(20s);
  const auto before = descriptors();
  const auto samples = churn(time);

  EXPECT_TRUE(eventually([&] { return descriptors() == before; }))
      << "broker " << before.broker << " became " << descriptors().broker << ", store " << before.store
      << " became " << descriptors().store;
  EXPECT_TRUE(eventually([&] { return journal_segments(platform().data_dir()) == 1; }));

  if (memory_is_inflated()) return;
  // A short run still fills the caches.
  const std::size_t slack = time < kWarm ? 2 * kCacheMib * 1024 : 1024;
  for (const auto member : {&Sample::broker_kib, &Sample::store_kib}) {
    const std::size_t second = median(samples, 1, member);
    EXPECT_LE(median(samples, 3, member), second + second / 20 + slack);
  }
}

}  // namespace
}  // namespace duet
