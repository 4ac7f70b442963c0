#include "tests/fault/storm_clients.h"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "tests/fault/record.h"
#include "tests/support/end_record.h"

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBystanders = 3;
constexpr std::chrono::milliseconds kSlowReading{20};

// What is left until then. What has happened already is noticed without any.
std::chrono::milliseconds time_until(Clock::time_point end) {
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()),
                  std::chrono::milliseconds(0));
}

// Good through every jump of the clock.
nlohmann::json timeless(nlohmann::json claims) {
  constexpr std::int64_t kDay = 86'400;
  claims["iat"] = claims.at("iat").get<std::int64_t>() - kDay;
  claims["exp"] = claims.at("exp").get<std::int64_t>() + kDay;
  return claims;
}

}  // namespace

StormClients::StormClients(const TestPlatform& platform, const StormOptions& options, RecoveryClock& clock,
                           std::filesystem::path directory)
    : platform_(platform), options_(options), directory_(std::move(directory)) {
  add_chatters(clock);
  add_peers();
}

std::string StormClients::token_of(const std::string& user) const {
  return platform_.tokens().sign(timeless(platform_.tokens().claims(user)));
}

void StormClients::add_chatters(RecoveryClock& clock) {
  const auto add = [&](std::size_t number, const std::string& peer, const std::string& device, bool odd) {
    // All pairings of version and kind of session; every eleventh is a slow reader.
    chatters_.push_back(std::make_unique<Chatter>(
        platform_, ChatterSpec{.user = user(number),
                               .peer = peer,
                               .device = device,
                               .version = odd ? MqttVersion::v5 : MqttVersion::v3_1_1,
                               .interval = options_.interval,
                               .clean = number % 3 != 0,
                               .receipts = true,
                               .bears_refusals = options_.disks,
                               .max_waiting = 50,
                               .reading_time = number % 11 == 0 ? kSlowReading : std::chrono::milliseconds(0),
                               .token = token_of(user(number)),
                               .on_confirmed = [&clock](auto published) { clock.confirmed(published); }}));
  };
  for (std::size_t number = 0; number < options_.users; ++number) {
    add(number, user(number + 1), "next", number % 2 == 0);
    add(number, user(number + options_.users - 1), "before", number % 2 != 0);
  }
  for (std::size_t number = 0; number < kBystanders; ++number) {
    const std::string name = "eve" + std::to_string(number);
    bystanders_.push_back(std::make_unique<Chatter>(
        platform_, ChatterSpec{.user = name, .peer = user(0), .max_waiting = 0, .token = token_of(name)}));
  }
}

PeerSpec StormClients::peer_spec(std::size_t number, std::string device) const {
  const std::string name = user(number) + "." + device;
  return {.user = user(number),
          .device = std::move(device),
          .peers = {user(number + 1), user(number + options_.users - 1)},
          .token = token_of(user(number)),
          .version = number % 2 == 0 ? 5 : 4,
          .url = "mqtt://127.0.0.1:" + std::to_string(platform_.mqtt_port()),
          .clean = number % 3 != 1,
          .interval = options_.interval,
          .record = directory_ / (name + ".record"),
          .state = directory_ / (name + ".state"),
          .receipts = true,
          .slow = std::chrono::milliseconds(number % 7 == 0 ? 20 : 0),
          .bears_refusals = options_.disks};
}

void StormClients::add_peers() {
  for (std::size_t number = 0; number < options_.node_users; ++number) {
    PeerSpec spec = peer_spec(number, "node");
    if (number % 4 < 2) spec.url = "ws://127.0.0.1:" + std::to_string(platform_.ws_port()) + "/mqtt";
    node_.specs.push_back(std::move(spec));
  }
  for (std::size_t number = 0; number < options_.library_users; ++number) {
    library_.specs.push_back(peer_spec(options_.node_users + number, "library"));
  }
  if (!node_.specs.empty()) {
    node_.process = std::make_unique<PeerProcess>(PeerKind::node, node_.specs, directory_ / "node");
  }
  if (!library_.specs.empty()) {
    library_.process =
        std::make_unique<PeerProcess>(PeerKind::library, library_.specs, directory_ / "library");
  }
}

void StormClients::drop_some(std::mt19937_64& random) {
  for (const auto& chatter : chatters_) {
    if (random() % 4 == 0) chatter->drop();
  }
}

void StormClients::stop_some_reading(std::mt19937_64& random, std::chrono::milliseconds time) {
  for (const auto& chatter : chatters_) {
    if (random() % 4 == 0) chatter->stop_reading(time);
  }
}

void StormClients::signal_node(int number) {
  if (node_.process) kill(node_.process->pid(), number);
}

void StormClients::kill_library() {
  if (library_.process) library_.process->kill_and_restart();
}

void StormClients::listen() {
  for (Group* group : {&node_, &library_}) {
    if (group->process) group->process->status();
  }
}

std::vector<std::string> StormClients::settle() {
  std::vector<std::string> complaints;
  const auto expect = [&](bool holds, const Chatter& who, const std::string& what) {
    if (!holds) complaints.push_back(who.user() + ":" + who.spec().device + " " + what);
  };
  auto end = Clock::now() + options_.patience;  // of all together, step by step
  for (const auto& chatter : chatters_) {
    expect(chatter->finish(time_until(end)), *chatter, "is left with unconfirmed messages");
  }
  for (Group* group : {&node_, &library_}) {
    if (!group->process) continue;
    group->process->stop_publishing();
    group->process->sync();
  }
  for (const auto& chatter : chatters_) chatter->want_sync();
  end = Clock::now() + options_.patience;
  for (const auto& chatter : chatters_) {
    expect(eventually([&] { return chatter->synced(); }, time_until(end)), *chatter, "cannot sync");
  }
  end = Clock::now() + options_.patience;
  for (const auto& chatter : chatters_) {
    expect(eventually([&] { return chatter->quiet(); }, time_until(end)), *chatter, "does not come to rest");
    for (const std::string& complaint : chatter->complaints()) complaints.push_back(complaint);
  }
  for (const auto& bystander : bystanders_) bystander->sync_again();
  for (Group* group : {&node_, &library_}) {
    if (!group->process) continue;
    group->process->quit();
    for (const PeerSpec& spec : group->specs) {
      for (const auto& complaint : read_record(spec.record, spec.user).complaints) {
        complaints.push_back(spec.user + ":" + spec.device + " " + complaint);
      }
    }
  }
  return complaints;
}

std::vector<DeviceRecord> StormClients::records(const std::string& user, const std::string& peer) const {
  std::vector<DeviceRecord> found;
  for (const auto& chatter : chatters_) {
    if (chatter->user() == user && chatter->peer() == peer) found.push_back(chatter->record());
  }
  for (const Group* group : {&node_, &library_}) {
    for (const PeerSpec& spec : group->specs) {
      if (spec.user != user) continue;
      found.push_back(device_record(read_record(spec.record, user).conversations[peer]));
    }
  }
  return found;
}

void StormClients::count(const UserRecord& record, StormReport& report) const {
  for (const DeviceRecord& device : record.devices) {
    report.published += device.published.size();
    for (const Attempt& attempt : device.published) report.acknowledged += attempt.acknowledged ? 1 : 0;
  }
}

void StormClients::check(StormReport& report) const {
  for (std::size_t number = 0; number < options_.users; ++number) {
    const std::string one = user(number);
    const std::string other = user(number + 1);
    const UserRecord left = end_record(platform_, one, other, records(one, other));
    const UserRecord right = end_record(platform_, other, one, records(other, one));
    for (const UserRecord* side : {&left, &right}) count(*side, report);
    report.stored += left.history.size();
    for (Violation& violation : check_conversation(left, right))
      report.violations.push_back(std::move(violation));
  }
  for (const auto& chatter : chatters_) report.refused += chatter->refusals();
  for (const auto& bystander : bystanders_) {
    const DeviceRecord heard = bystander->record();
    for (const auto* stream : {&heard.live, &heard.synced}) {
      for (const Envelope& envelope : *stream) {
        report.violations.push_back({Law::two_parties, bystander->user() + " heard of " + envelope.id.str()});
      }
    }
    for (const std::string& topic : heard.foreign) {
      report.violations.push_back({Law::two_parties, bystander->user() + " heard on " + topic});
    }
  }
}

}  // namespace duet
