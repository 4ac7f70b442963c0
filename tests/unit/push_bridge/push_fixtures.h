// tests/unit/push_bridge/push_fixtures.h: names, a database and a clock that a test moves.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "push_bridge/decision.h"
#include "push_bridge/instant.h"
#include "tests/unit/temporary_directory.h"

namespace duet::push_test {

inline UserId user(std::string_view name) {
  return UserId::parse(name).value();
}
inline Device device(std::string_view name, std::string_view device = "phone") {
  return {user(name), DeviceId::parse(device).value()};
}
inline Registration fcm(const Device& device, std::string token, Timestamp at) {
  return {.device = device,
          .app = "app",
          .target = FcmTarget{std::move(token)},
          .registered_at = at,
          .generation = 0};
}

// Of the user's browser, by a push service at that host.
inline Registration browser(const Device& device, const std::string& host, Timestamp at) {
  return {.device = device,
          .app = "app",
          .target = WebPushTarget{"https://" + host + "/" + format_client_id(device), {"key", "secret"}},
          .registered_at = at,
          .generation = 0};
}

// A bridge's memory and its rules, at a time that passes when it is told to.
class World {
 public:
  explicit World(DecisionRules rules = {}, LaneNames lanes = LaneNames())
      : decision(database, presence, std::move(rules), counters, std::move(lanes)) {}

  Timestamp now() const { return start_ + time_; }
  Instant instant() const { return {std::chrono::steady_clock::time_point(time_), now()}; }
  void pass(std::chrono::milliseconds time) { time_ += time; }

  void register_phone(const Device& device) {
    decision.registered(fcm(device, "token-of-" + format_client_id(device), now()), now());
  }
  void online(const Device& device, bool is = true) {
    if (presence.set(device, is)) decision.changed({device, is}, now());
  }
  void message(const UserId& from, const UserId& to, Seq seq) {
    decision.apply(
        PushMessage{++log_, from, to, seq, MessageId::parse("m" + std::to_string(seq)).value(), now()},
        now());
  }
  void receipt(const UserId& by, const UserId& peer, Seq delivered, Seq read,
               std::optional<DeviceId> device = std::nullopt) {
    decision.apply(PushReceipt{++log_, by, peer, delivered, read, std::move(device)}, now());
  }

  std::optional<PushJob> job(const Device& device, const UserId& peer) {
    return database.jobs().find(device, Notification::Kind::message, peer);
  }
  std::optional<PushJob> badge(const Device& device, const UserId& peer) {
    return database.jobs().find(device, Notification::Kind::badge, peer);
  }
  // How long until the job is due; nullopt: there is none.
  std::optional<std::chrono::milliseconds> wait(const Device& device, const UserId& peer) {
    const auto found = job(device, peer);
    return found ? std::optional(std::max(found->due - now(), std::chrono::milliseconds(0))) : std::nullopt;
  }
  // The push of the job is made and accepted, as the dispatcher does it.
  void send(PushJob job) {
    job.push_id = "id";
    job.push_seq = job.last_seq;
    job.attempt = 1;
    job.leased = true;
    database.jobs().save(job);
    decision.sent(job, now());
  }

  TemporaryDirectory directory;
  PushDatabase database{directory.path() / "push.db", PushDatabase::Access::owner};
  DevicePresence presence;
  PushCounters counters;
  Decision decision;

 private:
  std::chrono::milliseconds time_{1};
  Timestamp start_{std::chrono::hours(24 * 365 * 56)};
  std::uint64_t log_ = 0;
};

}  // namespace duet::push_test
