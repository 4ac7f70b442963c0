// Many devices are offline, and somebody writes to each of them: every one is woken once, over a few
// connections, and the bridge's memory does not grow with their number.
//
// The short form proves that. DUET_PUSH_DEVICES=10000 is what bench/README.md has the figures of: rates are
// printed and not judged.

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "protocol/payload.h"
#include "tests/support/bystanders.h"
#include "tests/support/environment.h"
#include "tests/support/push_platform_test.h"
#include "tests/support/raw_mqtt.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::size_t kDevicesOfShortForm = 300;
constexpr std::size_t kWriters = 20;
constexpr std::size_t kRegistrars = 8;
constexpr std::size_t kMostConnections = 4;  // to one provider
// What the bridge may take more than before anybody wrote: its queues are bounded, whatever the number.
constexpr std::size_t kMostGrowth = std::size_t{32} << 20;
constexpr std::chrono::seconds kPushLoadPatience{300};

struct SleepingDevice {
  std::string user;
  std::string provider;
  std::string token;  // as the double calls it
  json registration;
};

// When a message was stored, by its recipient.
using StoredAt = std::map<std::string, std::int64_t>;

// `work` for each of the first numbers, in so many threads.
void in_parallel(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> all;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    all.emplace_back([&] {
      try {
        for (std::size_t i = next++; i < count; i = next++) work(i);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Bytes, of a line of /proc/PID/status in kB.
std::size_t memory_of(pid_t pid, const std::string& line) {
  std::istringstream status(text_of("/proc/" + std::to_string(pid) + "/status"));
  for (std::string name; status >> name;) {
    std::size_t kib = 0;
    if (name == line + ":" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("no such process: " + std::to_string(pid));
}

class PushLoad : public PushPlatformTest<PushLoad> {
 protected:
  static std::size_t devices() { return number_from_environment("DUET_PUSH_DEVICES", kDevicesOfShortForm); }

  // Of each provider a third.
  static std::vector<SleepingDevice> make_devices();
  static void register_all(const std::vector<SleepingDevice>& all);
  // A message to each, from some users who all write at once.
  static StoredAt write_to(const std::vector<SleepingDevice>& all);
  static StoredAt write_share(const std::vector<SleepingDevice>& all, std::size_t writer);
  // Pushes that the providers took, what came twice once; and those that the bridge still wants to send.
  static std::size_t taken();
  static std::size_t waiting();
  static void judge(const std::vector<AcceptedPush>& pushes, const std::vector<SleepingDevice>& all);
  static void tell(const std::vector<AcceptedPush>& pushes, const StoredAt& stored,
                   const std::vector<SleepingDevice>& all);
};

std::vector<SleepingDevice> PushLoad::make_devices() {
  std::vector<SleepingDevice> all(devices());
  in_parallel(kRegistrars, all.size(), [&](std::size_t i) {
    const std::string number = std::to_string(i);
    SleepingDevice& device = all[i];
    device.user = "sleeper." + number;
    if (i % 3 == 0) {
      device.provider = "fcm";
      device.token = "token-of-" + device.user;
      device.registration = {{"platform", "fcm"}, {"token", device.token}};
    } else if (i % 3 == 1) {
      device.provider = "apns";
      device.token = std::string(64 - number.size(), 'a') + number;
      device.registration = {{"platform", "apns"}, {"token", device.token}};
    } else {
      const json subscription = providers_->subscribe();
      const std::string endpoint = subscription.at("endpoint");
      device.provider = "webpush";
      device.token = endpoint.substr(endpoint.rfind('/') + 1);
      device.registration = {{"platform", "webpush"}, {"token", subscription}};
    }
  });
  return all;
}

void PushLoad::register_all(const std::vector<SleepingDevice>& all) {
  in_parallel(kRegistrars, all.size(), [&](std::size_t i) {
    const TestDevice device(platform(), all[i].user);
    const RawMqtt mqtt(platform().mqtt_port());
    mqtt.send(connect_packet(all[i].user + ":" + device.device(), all[i].user,
                             platform().tokens().chat(all[i].user)) +
              publish_packet(device.push_topic(), all[i].registration.dump(), 1));
    const auto connack = mqtt.packet();
    const auto puback = mqtt.packet();
    if (!connack || connack->at(1) != kSuccess || !puback) throw std::runtime_error("not registered");
    mqtt.send(mqtt_packet(0xe0, ""));  // DISCONNECT
  });
  const auto count = static_cast<int>(all.size());
  ASSERT_TRUE(eventually([&] { return bridge_->registered() == count; })) << bridge_->registered();
}

StoredAt PushLoad::write_share(const std::vector<SleepingDevice>& all, std::size_t writer) {
  const auto device = online("writer." + std::to_string(writer));
  std::vector<int> tokens;
  for (std::size_t i = writer; i < all.size(); i += kWriters) {
    const json payload{{"body", "wake up"}, {"id", "wake." + all[i].user}};
    const auto token = device->mqtt().publish_async(
        {.topic = msg_topic(device->user(), all[i].user), .payload = payload.dump(), .correlation = {}});
    if (!token) throw std::runtime_error("the broker has gone");
    tokens.push_back(*token);
  }
  StoredAt stored;
  const auto is_sent = [](const Received& one) { return one.topic.ends_with("/sent"); };
  device->mqtt().wait_until(
      [&](const auto& inbox) {
        return static_cast<std::size_t>(std::ranges::count_if(inbox, is_sent)) == tokens.size();
      },
      kPushLoadPatience);
  for (const Received& one : device->mqtt().inbox()) {
    const auto envelope = is_sent(one) ? parse_envelope(one.payload) : std::nullopt;
    if (envelope) stored.emplace(envelope->to.str(), envelope->ts.time_since_epoch().count());
  }
  EXPECT_EQ(stored.size(), tokens.size()) << "messages that were stored";
  return stored;
}

StoredAt PushLoad::write_to(const std::vector<SleepingDevice>& all) {
  std::vector<StoredAt> shares(kWriters);
  in_parallel(kWriters, kWriters, [&](std::size_t writer) { shares[writer] = write_share(all, writer); });
  StoredAt stored;
  for (auto& share : shares) stored.merge(share);
  return stored;
}

std::size_t PushLoad::taken() {
  std::size_t sum = 0;
  const json all = providers_->counters();
  for (const auto& [provider, counters] : all.items()) {
    if (provider == "oauth") continue;
    sum += counters.at("accepted").get<std::size_t>() - counters.at("duplicates").get<std::size_t>();
  }
  return sum;
}

std::size_t PushLoad::waiting() {
  const auto said = bridge_->command({"check"}).out;
  const auto end = said.find(" pushes wait");
  if (end == std::string::npos) throw std::runtime_error(said);
  return std::stoul(said.substr(said.rfind(' ', end - 1)));
}

// Everyone has one push, and none came twice.
void PushLoad::judge(const std::vector<AcceptedPush>& pushes, const std::vector<SleepingDevice>& all) {
  std::map<std::string, std::set<std::string>> ids;
  for (const auto& push : pushes) ids[push.token].insert(push.id);
  for (const auto& device : all) {
    EXPECT_EQ(ids[device.token].size(), 1U) << "pushes to " << device.user << ", " << device.provider;
  }
  EXPECT_EQ(pushes.size(), all.size());
}

// From the first message stored to the last push taken: how many, how fast, and how long each was on its way.
void tell_rate(const std::string& what, const std::vector<std::pair<std::int64_t, std::int64_t>>& way) {
  std::int64_t first = way.front().first;
  std::int64_t last = 0;
  std::vector<Bystanders::Duration> each;
  for (const auto& [stored, taken] : way) {
    first = std::min(first, stored);
    last = std::max(last, taken);
    each.emplace_back(std::chrono::milliseconds(taken - stored));
  }
  std::ranges::sort(each);
  const auto ms = [&](double percent) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(percentile(each, percent)).count();
  };
  const auto rate = 1000 * static_cast<std::int64_t>(way.size()) / std::max<std::int64_t>(last - first, 1);
  std::cout << what << ": " << way.size() << " pushes, " << rate << " a second; from the commit on p50 "
            << ms(50) << " ms, p99 " << ms(99) << " ms\n";
}

void PushLoad::tell(const std::vector<AcceptedPush>& pushes, const StoredAt& stored,
                    const std::vector<SleepingDevice>& all) {
  std::map<std::string, std::string> user_of;
  for (const auto& device : all) user_of.emplace(device.token, device.user);
  std::map<std::string, std::vector<std::pair<std::int64_t, std::int64_t>>> ways;
  for (const auto& push : pushes) {
    const std::pair way(stored.at(user_of.at(push.token)), push.at_ms);
    ways[push.provider].push_back(way);
    ways["all"].push_back(way);
  }
  for (const auto& [what, way] : ways) tell_rate(what, way);
  const auto [first, last] =
      std::ranges::minmax_element(stored, {}, [](const auto& one) { return one.second; });
  std::cout << "messages were stored within " << last->second - first->second << " ms\n";
  const json counters = providers_->counters();
  for (const char* provider : {"fcm", "apns", "webpush"}) {
    std::cout << provider << ": at most " << counters.at(provider).at("peak_open") << " connections and "
              << counters.at(provider).at("peak_streams") << " pushes at once\n";
  }
}

TEST_F(PushLoad, EveryoneIsWokenOnceOverFewConnections) {
  auto begin = std::chrono::steady_clock::now();
  const auto all = make_devices();
  std::cout << all.size() << " devices subscribe: " << seconds_since(begin) << " s\n";
  begin = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(register_all(all));
  std::cout << "… and register: " << seconds_since(begin) << " s\n";

  const std::size_t before = memory_of(bridge_->pid(), "VmRSS");
  const auto stored = write_to(all);
  EXPECT_TRUE(eventually([&] { return taken() >= all.size(); }, kPushLoadPatience)) << taken();
  EXPECT_TRUE(eventually([] { return waiting() == 0; })) << "of what was pushed, none waits";
  const std::size_t growth = std::max(memory_of(bridge_->pid(), "VmHWM"), before) - before;

  const auto pushes = providers_->accepted();
  judge(pushes, all);
  const json by_provider = providers_->counters();
  for (const auto& [provider, counters] : by_provider.items()) {
    EXPECT_LE(counters.at("peak_open"), kMostConnections) << provider;
  }
  std::cout << "the bridge's memory: " << before / 1024 << " KiB, and " << growth / 1024
            << " KiB more at most, " << growth / all.size() << " bytes a device\n";
  if (!memory_is_inflated()) {
    EXPECT_LE(growth, kMostGrowth);
  }
  tell(pushes, stored, all);
}

}  // namespace
}  // namespace duet
