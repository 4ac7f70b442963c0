#include "push_bridge/bridge.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <variant>

#include "push_bridge/channel.h"
#include "push_bridge/push_id.h"
#include "push_bridge/registration.h"
#include "sqlite/transaction.h"

namespace duet {
namespace {

constexpr std::size_t kInputsAtOnce = 500;  // in one transaction
constexpr std::chrono::seconds kHouseEvery{1};
constexpr int kSecondsPerLogLine = 60;
// A process that died had pushes on their way: they are given time to arrive before they are made again.
constexpr std::chrono::seconds kAfterDeath{2};
constexpr std::chrono::seconds kFinish{3};
constexpr std::chrono::seconds kSetBack{2};  // less is let pass

Instant instant_now() {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

std::vector<std::string> names_of(const std::map<std::string, std::unique_ptr<Sender>>& senders) {
  std::vector<std::string> names;
  names.reserve(senders.size());
  for (const auto& [name, sender] : senders) names.push_back(name);
  return names;
}

LaneNames lane_names(const std::map<std::string, std::unique_ptr<Sender>>& senders) {
  std::map<std::string, AllowedHosts> several;
  for (const auto& [channel, sender] : senders) {
    if (const auto* hosts = sender->hosts()) several.emplace(channel, *hosts);
  }
  return LaneNames(std::move(several));
}

}  // namespace

Bridge::Bridge(PushDatabase& database, BridgeQueue& queue, DecisionRules rules,
               std::map<std::string, std::unique_ptr<Sender>> senders, BridgeOutlets outlets)
    : database_(database),
      queue_(queue),
      outlets_(std::move(outlets)),
      channels_(names_of(senders)),
      decision_(database, presence_, std::move(rules), counters_, lane_names(senders)),
      dispatcher_(database, decision_, std::move(senders),
                  {.poster = outlets_.poster,
                   .done = [&queue](PostDone done) { queue.push_beyond(std::move(done)); },
                   .ask = outlets_.ask_check,
                   .new_id = new_push_id},
                  counters_),
      follower_(database, decision_, outlets_.ask_feed, outlets_.tell_users),
      last_(instant_now()) {
  sqlite::Transaction transaction(database_.connection());
  decision_.sort_into_lanes();
  const auto released = database_.jobs().release_all(last_.wall + kAfterDeath);
  transaction.commit();
  if (released > 0)
    spdlog::info("{} pushes were on their way when the bridge ended: they are made again", released);
}

void Bridge::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Bridge::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Bridge::run(const std::stop_token& stop) {
  try {
    while (!stop.stop_requested()) work(stop);
    finish();
  } catch (const std::exception&) {
    outlets_.broken(std::current_exception());
  }
}

void Bridge::work(const std::stop_token& stop) {
  auto first = queue_.pop_until(stop, next_deadline(instant_now()));
  const auto now = instant_now();
  follow_clock(now);
  if (first) apply_all(std::move(first), now);
  if (std::exchange(lost_, false)) dispatcher_.put_back(now);
  follower_.keep_asking(now.steady);
  tell_devices(now);
  send(now);
  if (now.steady >= next_second_) keep_house(now);
}

// Pushes wait for times of day, as those outlive the process.
void Bridge::follow_clock(const Instant& now) {
  const auto before = std::exchange(last_, now);
  const auto passed = std::chrono::floor<std::chrono::milliseconds>(now.steady - before.steady);
  const auto back = before.wall + passed - now.wall;
  if (back < kSetBack) return;
  spdlog::warn("the clock was set back by {} s: what waits goes by the new time",
               std::chrono::floor<std::chrono::seconds>(back).count());
  sqlite::Transaction transaction(database_.connection());
  database_.clock_was_set_back(back);
  transaction.commit();
}

void Bridge::apply_all(std::optional<BridgeInput> input, const Instant& now) {
  sqlite::Transaction transaction(database_.connection());
  for (std::size_t count = 0; input && count < kInputsAtOnce; ++count) {
    apply(*std::move(input), now);
    input = queue_.pop_until({}, now.steady);  // what is there already
  }
  if (input) apply(*std::move(input), now);
  transaction.commit();
  unkept_.clear();
}

void Bridge::apply(BridgeInput input, const Instant& now) {
  std::visit([&](auto& what) { on(std::move(what), now); }, input);
}

void Bridge::on(BrokerConnected /*connected*/, const Instant& now) {
  follower_.connected(now.steady);
  database_.device_notes().connected();
}

void Bridge::on(BrokerLost /*lost*/, const Instant& /*now*/) {
  presence_.disconnected();
  follower_.disconnected();
  database_.device_notes().disconnected();
  lost_ = true;
  working_ = false;
}

void Bridge::on(const DevicePresence::Change& change, const Instant& now) {
  if (presence_.set(change.device, change.online)) decision_.changed(change, now.wall);
}

void Bridge::on(const PresenceSnapshot& page, const Instant& now) {
  for (const auto& change : presence_.apply(page)) decision_.changed(change, now.wall);
}

// The name of the app it is of: its own word, or the only one of the platform.
std::optional<std::string> Bridge::app_for(const RegistrationPayload& said) const {
  const auto platform = platform_of(*said.target);
  if (!said.app.empty()) {
    const auto known = std::find(channels_.begin(), channels_.end(), channel_name(platform, said.app));
    return known != channels_.end() ? std::optional(said.app) : std::nullopt;
  }
  const auto prefix = channel_name(platform, "");
  std::optional<std::string> only;
  for (const auto& channel : channels_) {
    if (!channel.starts_with(prefix)) continue;
    if (only) return std::nullopt;
    only = channel.substr(prefix.size());
  }
  return only;
}

void Bridge::on(const PushSaid& said, const Instant& now) {
  unkept_.push_back(said);
  auto payload = parse_registration(said.payload);
  if (payload && !payload->target) return decision_.unregistered(said.device, now.wall);
  const auto app = payload ? app_for(*payload) : std::nullopt;
  if (app) {
    if (database_.registrations().places_of(said.device.user).empty()) follower_.registered(said.device.user);
    return decision_.registered({.device = said.device,
                                 .app = *app,
                                 .target = *std::move(payload->target),
                                 .registered_at = now.wall,
                                 .generation = 0},
                                now.wall);
  }
  ++counters_.bad_registrations;
  const std::string why = payload ? "its app is not configured, or it has to name one" : payload.error();
  database_.device_notes().refused(said.device, why);
  spdlog::info("a registration of {} is not taken: {}", format_client_id(said.device), why);
}

void Bridge::on(const PushDevicesStored& answer, const Instant& /*now*/) {
  database_.device_notes().stored(answer);
}

void Bridge::tell_devices(const Instant& now) {
  if (const auto devices = database_.device_notes().due(now.steady)) outlets_.tell_devices(*devices);
}

bool Bridge::may_send(const Instant& now) const {
  return presence_.known() && follower_.caught_up(now.steady);
}

void Bridge::send(const Instant& now) {
  const bool may = may_send(now);
  if (may && !std::exchange(working_, true)) outlets_.working();
  dispatcher_.pump(may, now);
}

void Bridge::keep_house(const Instant& now) {
  next_second_ = now.steady + kHouseEvery;
  outlets_.every_second();
  {
    sqlite::Transaction transaction(database_.connection());
    decision_.expire(now.wall);
    database_.decisions().trim();
    transaction.commit();
  }
  if (++seconds_ % kSecondsPerLogLine != 0 || counters_ == logged_) return;
  logged_ = counters_;
  spdlog::info("{}; waiting {}, on their way {}", format_counters(counters_), database_.jobs().size(),
               dispatcher_.in_flight());
}

// What is on its way and never heard of would be sent again by the next process.
void Bridge::finish() {
  const auto end = std::chrono::steady_clock::now() + kFinish;
  while (dispatcher_.in_flight() > 0) {
    auto input = queue_.pop_until({}, end);
    if (!input) break;
    apply_all(std::move(input), instant_now());
  }
  dispatcher_.put_back(instant_now());
}

std::chrono::steady_clock::time_point Bridge::next_deadline(const Instant& now) {
  auto next = next_second_;
  if (const auto ask = follower_.next_ask()) next = std::min(next, *ask);
  if (const auto tell = database_.device_notes().next_time()) next = std::min(next, *tell);
  if (!may_send(now)) return next;
  if (const auto wakeup = dispatcher_.next_wakeup(now)) next = std::min(next, *wakeup);
  return next;
}

}  // namespace duet
