#include "tests/fault/storm_blows.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>

namespace duet {
namespace {

using std::chrono::milliseconds;

struct Likely {
  Blow blow;
  std::size_t times;
};

constexpr std::array kAlways{
    Likely{Blow::kill_broker, 20}, Likely{Blow::kill_store, 20},  Likely{Blow::kill_both, 12},
    Likely{Blow::kill_gateway, 4}, Likely{Blow::kill_library, 6}, Likely{Blow::stop_broker, 2},
    Likely{Blow::tokens_end, 3},   Likely{Blow::disconnect, 6},   Likely{Blow::stop_store, 3},
    Likely{Blow::store_away, 1},   Likely{Blow::stop_node, 2},    Likely{Blow::drop_clients, 4},
    Likely{Blow::stop_reading, 3}};
constexpr std::array kDisks{Likely{Blow::journal_full, 3}, Likely{Blow::database_full, 3}};
constexpr std::array kClocks{Likely{Blow::clock_forward, 2}, Likely{Blow::clock_back, 2}};

constexpr std::chrono::seconds kJump{600};

// The storm is made of waiting.
void let_pass(milliseconds time) {
  eventually([] { return false; }, time);
}

}  // namespace

std::string_view to_string(Blow blow) {
  constexpr std::array<std::string_view, 17> kNames{"kill broker",
                                                    "kill store",
                                                    "kill both",
                                                    "kill gateway",
                                                    "kill library clients",
                                                    "stop broker",
                                                    "stop store",
                                                    "token ends",
                                                    "broker sends DISCONNECT",
                                                    "store away",
                                                    "stop node",
                                                    "drop clients",
                                                    "stop reading",
                                                    "journal full",
                                                    "database full",
                                                    "clock forward",
                                                    "clock back"};
  return kNames.at(static_cast<std::size_t>(blow));
}

std::size_t kills(Blow blow) {
  if (blow == Blow::kill_both) return 2;
  constexpr std::array kOne{Blow::kill_broker, Blow::kill_store, Blow::kill_gateway, Blow::kill_library};
  return std::find(kOne.begin(), kOne.end(), blow) == kOne.end() ? 0 : 1;
}

StormBlows::StormBlows(TestPlatform& platform, StormClients& clients, StormDisks* disks,
                       const ShiftedClock* clock, std::uint64_t seed)
    : platform_(platform), clients_(clients), disks_(disks), clock_(clock), random_(seed) {
  const auto add = [this](const auto& likely) {
    for (const auto& [blow, times] : likely) choice_.insert(choice_.end(), times, blow);
  };
  add(kAlways);
  if (disks_ != nullptr) add(kDisks);
  if (clock_ != nullptr) add(kClocks);
}

Blow StormBlows::next() {
  return choice_[random_() % choice_.size()];
}

milliseconds StormBlows::between(int low_ms, int high_ms) {
  return milliseconds(low_ms + static_cast<int>(random_() % static_cast<unsigned>(high_ms - low_ms)));
}

milliseconds StormBlows::pause() {
  return between(200, 4200);
}

void StormBlows::strike(Blow blow) {
  switch (blow) {
    case Blow::kill_broker:
      return platform_.kill(Service::broker, SIGKILL);
    case Blow::kill_store:
      return platform_.kill(Service::store, SIGKILL);
    case Blow::kill_both:
      platform_.kill(Service::broker, SIGKILL);
      return platform_.kill(Service::store, SIGKILL);
    case Blow::kill_gateway:
      return platform_.kill(Service::gateway, SIGKILL);
    case Blow::kill_library:
      return clients_.kill_library();
    case Blow::stop_broker:
      return stop(Service::broker, between(500, 3000));
    case Blow::stop_store:
      return stop(Service::store, between(500, 8000));
    case Blow::tokens_end:
      return end_tokens();
    case Blow::disconnect:
      return disconnect_all();
    case Blow::store_away:
      return stop(Service::store, between(20'000, 60'000));
    case Blow::stop_node:
      clients_.signal_node(SIGSTOP);
      let_pass(between(1000, 20'000));
      return clients_.signal_node(SIGCONT);
    case Blow::drop_clients:
      return clients_.drop_some(random_);
    case Blow::stop_reading:
      return clients_.stop_some_reading(random_, between(500, 5000));
    case Blow::journal_full:
      return fill(disks_->journal);
    case Blow::database_full:
      return fill(disks_->database);
    case Blow::clock_forward:
      return clock_->shift(random_() % 2 == 0 ? kJump : std::chrono::seconds(0));
    case Blow::clock_back:
      return clock_->shift(random_() % 2 == 0 ? -kJump : std::chrono::seconds(0));
  }
}

void StormBlows::stop(Service service, milliseconds time) {
  const pid_t victim = platform_.pid(service);
  if (victim <= 0) return;
  ::kill(victim, SIGSTOP);
  let_pass(time);
  ::kill(victim, SIGCONT);
}

void StormBlows::fill(const SmallDisk& disk) {
  disk.fill();
  let_pass(between(1000, 5000));
  disk.make_room();
}

// The supervisor renews the tokens of the services; it is back when they have been disconnected.
void StormBlows::end_tokens() {
  const auto ended = [this] {
    const auto log = platform_.log_of("store");
    std::size_t count = 0;
    const std::string line = "administrative action";
    for (auto at = log.find(line); at != std::string::npos; at = log.find(line, at + 1)) ++count;
    return count;
  };
  const auto before = ended();
  ::kill(platform_.supervisor_pid(), SIGSTOP);
  eventually([&] { return ended() > before; }, kStormServiceTokenLife + std::chrono::seconds(20));
  ::kill(platform_.supervisor_pid(), SIGCONT);
}

void StormBlows::disconnect_all() {
  const auto wish = platform_.data_dir().parent_path() / "kick";
  std::ofstream(wish).close();
  eventually([&] { return !std::filesystem::exists(wish); }, std::chrono::seconds(10));
  std::filesystem::remove(wish);
}

void StormBlows::heal() {
  if (clock_ != nullptr) clock_->shift(std::chrono::seconds(0));
}

}  // namespace duet
