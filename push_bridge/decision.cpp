#include "push_bridge/decision.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "push_bridge/channel.h"

namespace duet {
namespace {

constexpr std::size_t kExpireAtOnce = 500;
constexpr std::chrono::minutes kTellFullEvery{1};

constexpr std::string_view kConfirmed = "the device has said that it has the message";
constexpr std::string_view kRead = "the user has read it";

std::string_view text_of(Superseded why) {
  return why == Superseded::read ? kRead : kConfirmed;
}

// There is nothing silent in web push: browsers want every push to be shown.
bool can_be_silent(const std::string& lane) {
  return !lane.starts_with(to_string(Platform::webpush));
}

}  // namespace

Decision::Decision(PushDatabase& database, const DevicePresence& presence, DecisionRules rules,
                   PushCounters& counters, LaneNames lanes)
    : database_(database),
      presence_(presence),
      rules_(std::move(rules)),
      lanes_(std::move(lanes)),
      counters_(counters) {}

// Only those of Web Push depend on more than the app.
void Decision::sort_into_lanes() {
  for (const auto& device : database_.jobs().devices_of(Platform::webpush)) {
    const auto registration = database_.registrations().find(device);
    if (registration) database_.jobs().set_lane(device, lanes_.of(*registration));
  }
}

Timestamp Decision::first_due(const Device& device, Timestamp now) const {
  return presence_.online(device) ? now + rules_.grace : now;
}

Timestamp Decision::damped_until(const Device& device, const UserId& peer) {
  const auto pushed = database_.pushed().find(device, peer);
  if (!pushed || pushed->pushes == 0 || rules_.repeat_after.empty()) return {};
  const auto step = std::min<std::size_t>(pushed->pushes, rules_.repeat_after.size()) - 1;
  return pushed->at + rules_.repeat_after[step];
}

void Decision::apply(const PushMessage& message, Timestamp now) {
  ++counters_.messages;
  for (const auto& place : database_.registrations().places_of(message.to)) want(place, message, now);
}

void Decision::want(const RegistrationTable::Place& place, const PushMessage& message, Timestamp now) {
  const Device device{message.to, place.device};
  if (auto job = database_.jobs().find(device, Notification::Kind::message, message.from)) {
    return join(*std::move(job), message, now);
  }
  const auto first = first_due(device, now);
  const auto damped = damped_until(device, message.from);
  const bool added = database_.jobs().add({.kind = Notification::Kind::message,
                                           .device = device,
                                           .peer = message.from,
                                           .lane = lanes_.of(place.channel, place.endpoint),
                                           .last_seq = message.seq,
                                           .message = message.id.str(),
                                           .message_at = message.ts,
                                           .due = std::max(first, damped),
                                           .not_before = damped,
                                           .expires = now + rules_.expire_after});
  const char* why = damped > first             ? "after a pause, as pushes went before it"
                    : presence_.online(device) ? "after the grace time, as the device is online"
                                               : "at once, as the device is offline";
  DecisionRecord record{now, device, message.from, message.seq, message.id.str(), "", why};
  record.decided = added ? decided::kWanted : decided::kRefused;
  if (!added) record.why = "the outbox is full";
  database_.decisions().add(record);
  ++(added ? counters_.wanted : counters_.refused);
  if (added || (told_full_ && now - *told_full_ < kTellFullEvery)) return;
  told_full_ = now;
  spdlog::error("the outbox is full: {} pushes wait, {} were refused so far", JobTable::kMaxJobs,
                counters_.refused);
}

void Decision::join(PushJob job, const PushMessage& message, Timestamp now) {
  if (job.last_seq >= message.seq) return;
  job.last_seq = message.seq;
  job.message = message.id.str();
  job.message_at = message.ts;
  job.expires = now + rules_.expire_after;
  job.superseded = Superseded::no;
  database_.jobs().save(job);
  ++counters_.joined;
  database_.decisions().add({.at = now,
                             .device = job.device,
                             .peer = job.peer,
                             .seq = job.last_seq,
                             .message = job.message,
                             .decided = std::string(decided::kJoined),
                             .why = job.leased ? "a push is on its way, another follows it"
                                               : "a push of this conversation waits already"});
}

void Decision::apply(const PushReceipt& receipt, Timestamp now) {
  if (receipt.read > 0) {
    for (const auto& place : database_.registrations().places_of(receipt.by)) {
      read({receipt.by, place.device}, lanes_.of(place.channel, place.endpoint), receipt, now);
    }
  }
  if (receipt.device) confirmed({receipt.by, *receipt.device}, receipt.peer, receipt.delivered, now);
}

void Decision::read(const Device& device, const std::string& lane, const PushReceipt& receipt,
                    Timestamp now) {
  auto job = database_.jobs().find(device, Notification::Kind::message, receipt.peer);
  if (job && receipt.read >= job->last_seq) {
    cancel(*std::exchange(job, std::nullopt), Superseded::read, now);
  }
  if (receipt.device == device.device) {
    // It knows what it has read itself, also if the user's marks came first.
    const auto badge = database_.jobs().find(device, Notification::Kind::badge, receipt.peer);
    if (badge && !badge->leased && badge->peer == receipt.peer && badge->last_seq <= receipt.read) {
      database_.jobs().remove(badge->id);
    }
  }
  const auto pushed = database_.pushed().find(device, receipt.peer);
  if (!pushed || receipt.read < pushed->seq) return;
  database_.pushed().remove(device, receipt.peer);
  if (receipt.device != device.device) want_badge(device, lane, receipt.peer, receipt.read, now);
  if (!job || job->leased || job->attempt > 0) return;
  job->not_before = {};  // nothing damps it any more
  job->due = first_due(device, now);
  database_.jobs().save(*job);
}

void Decision::confirmed(const Device& device, const UserId& peer, Seq delivered, Timestamp now) {
  auto pushed = database_.pushed().find(device, peer);
  const bool calmed = pushed && pushed->pushes > 0 && delivered >= pushed->seq;
  if (calmed) {
    pushed->pushes = 0;
    database_.pushed().put(device, peer, *pushed);
  }
  auto job = database_.jobs().find(device, Notification::Kind::message, peer);
  if (!job) return;
  if (delivered >= job->last_seq) return cancel(*std::move(job), Superseded::confirmed, now);
  if (job->leased || job->attempt > 0) return;
  // It is alive and on its way to the rest.
  if (calmed) job->not_before = {};
  const auto due = calmed ? now : job->due;
  job->due = presence_.online(device) ? std::max(due, now + rules_.grace) : due;
  job->due = std::max(job->due, job->not_before);
  database_.jobs().save(*job);
}

void Decision::want_badge(const Device& device, const std::string& lane, const UserId& peer, Seq seq,
                          Timestamp now) {
  if (!can_be_silent(lane)) return;
  if (auto job = database_.jobs().find(device, Notification::Kind::badge, peer)) {
    job->peer = peer;
    job->last_seq = seq;
    job->superseded = Superseded::no;
    job->expires = now + rules_.expire_after;
    return database_.jobs().save(*job);
  }
  const auto not_before = database_.registrations().badge_at(device) + kBadgeEvery;
  database_.jobs().add({.kind = Notification::Kind::badge,
                        .device = device,
                        .peer = peer,
                        .lane = lane,
                        .last_seq = seq,
                        .message = {},
                        .message_at = now,
                        .due = std::max<Timestamp>(now + kBadgeSettles, not_before),
                        .not_before = not_before,
                        .expires = now + rules_.expire_after});
}

void Decision::changed(const DevicePresence::Change& change, Timestamp now) {
  if (change.online) {
    database_.jobs().put_off(change.device, now + rules_.grace);
  } else {
    database_.jobs().hurry(change.device, now);
  }
}

void Decision::registered(const Registration& registration, Timestamp now) {
  ++counters_.registered;
  for (const auto& device : database_.registrations().put(registration)) {
    unregistered(device, now);
    database_.device_notes().refused(
        device, "another device has registered the same token, or too many have registered after this one");
  }
  database_.device_notes().taken(registration.device);
  database_.jobs().set_lane(registration.device, lanes_.of(registration));
}

void Decision::unregistered(const Device& device, Timestamp now) {
  database_.registrations().remove(device);
  for (const auto& job : database_.jobs().of_device(device)) {
    remove(job, decided::kCancelled, "the device has no registration any more", now);
  }
  database_.pushed().remove_all(device);
}

std::optional<std::string> Decision::objection(
    const PushJob& job, const std::optional<PushCheckAnswer::Standing>& standing) const {
  if (!standing) return "there is no such conversation";
  if (job.kind == Notification::Kind::badge) return std::nullopt;
  if (standing->read >= job.last_seq) return std::string(kRead);
  if (standing->blocked) return "the user has blocked the sender";
  if (standing->muted) return "the user has muted the conversation";
  return std::nullopt;
}

void Decision::cancel(PushJob job, Superseded why, Timestamp now) {
  if (!job.leased) return remove(job, decided::kCancelled, text_of(why), now);
  job.superseded = why;
  database_.jobs().save(job);
}

void Decision::remove(const PushJob& job, std::string_view decided, std::string_view why, Timestamp now) {
  database_.jobs().remove(job.id);
  database_.decisions().add(job, decided, why, now);
  if (decided == decided::kCancelled) ++counters_.cancelled;
  if (decided == decided::kExpired) ++counters_.expired;
  if (decided == decided::kDead) ++counters_.dead;
}

void Decision::sent(const PushJob& attempted, Timestamp now) {
  ++counters_.sent;
  const auto& [device, peer] = std::tie(attempted.device, attempted.peer);
  auto job = database_.jobs().find(attempted.id);
  if (job) database_.jobs().remove(job->id);
  if (attempted.kind == Notification::Kind::badge) {
    database_.registrations().set_badge_at(device, now);
    if (job && job->last_seq > attempted.push_seq) {
      want_badge(device, job->lane, job->peer, job->last_seq, now);
    }
    return;
  }
  counters_.commit_to_sent.record(now - attempted.message_at);
  if (!job) return;  // and nothing of its device is known any more
  if (job->superseded == Superseded::read) return want_badge(device, job->lane, peer, job->last_seq, now);
  auto pushed = database_.pushed().find(device, peer).value_or(Pushed{});
  pushed.seq = std::max(pushed.seq, attempted.push_seq);
  pushed.pushes = job->superseded == Superseded::confirmed ? 0 : pushed.pushes + 1;
  pushed.at = now;
  database_.pushed().put(device, peer, pushed);
  if (job->superseded != Superseded::no || job->last_seq <= attempted.push_seq) return;
  job->not_before = damped_until(device, peer);
  job->due = std::max(first_due(device, now), job->not_before);
  database_.jobs().add(*job);  // as a new one: with an id of its own, and no attempt
}

std::optional<PushJob> Decision::still_wanted(const PushJob& attempted, Timestamp now) {
  auto job = database_.jobs().find(attempted.id);
  if (!job || job->superseded == Superseded::no) return job;
  remove(*job, decided::kCancelled, text_of(job->superseded), now);
  return std::nullopt;
}

bool Decision::expire(Timestamp now) {
  const auto expired = database_.jobs().expired(now, kExpireAtOnce);
  for (const auto& job : expired) remove(job, decided::kExpired, "it was wanted for too long", now);
  database_.pushed().forget_before(now - PushedTable::kKeep);
  return expired.size() == kExpireAtOnce;
}

}  // namespace duet
