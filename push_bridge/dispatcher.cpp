#include "push_bridge/dispatcher.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "sqlite/transaction.h"

namespace duet {
namespace {

constexpr std::size_t kMadeAhead = 32;  // requests of a lane that are made and find no room, at a time

// scheme://host:port of a URL of ours.
std::string host_of(const std::string& url) {
  const auto begin = url.find("://");
  return url.substr(0, begin == std::string::npos ? begin : url.find('/', begin + 3));
}

}  // namespace

Dispatcher::Dispatcher(PushDatabase& database, Decision& decision,
                       std::map<std::string, std::unique_ptr<Sender>> senders, Outlets outlets,
                       PushCounters& counters)
    : database_(database),
      decision_(decision),
      senders_(std::move(senders)),
      outlets_(std::move(outlets)),
      counters_(counters) {
  for (const auto& [channel, sender] : senders_) {
    for (const auto& name : decision_.lanes().all_of(channel)) {
      lanes_.emplace(name, Lane{.name = name, .sender = *sender});
    }
  }
}

std::size_t Dispatcher::room(const Lane& lane, Clock::time_point now) const {
  if (lane.credentials_not_before > now) return 0;
  if (store_silent_ && !asked_.empty()) return 0;
  const auto gate = lane.health.gate(now);
  if (gate == LaneHealth::Gate::closed) return 0;
  const std::size_t all = gate == LaneHealth::Gate::probe || store_silent_ ? 1 : kInHand;
  return std::min(lane.leased < all ? all - lane.leased : 0, kMaxPushChecks);
}

void Dispatcher::pump(bool may_send, const Instant& now) {
  put_back_late(now);
  if (!may_send) return;
  lease_due(now);
  for (auto& [name, lane] : lanes_) post_ready(lane, now);
}

void Dispatcher::lease_due(const Instant& now) {
  std::vector<PushJob> leased;
  {
    sqlite::Transaction transaction(database_.connection());
    for (auto& [name, lane] : lanes_) {
      const auto limit = room(lane, now.steady);
      if (limit == 0) continue;
      for (auto& due : database_.jobs().due(name, now.wall, limit)) {
        auto job = lease(std::move(due), now);
        if (!job) continue;
        ++lane.leased;
        leased.push_back(*std::move(job));
      }
    }
    transaction.commit();
  }
  if (!leased.empty()) ask(std::move(leased), now.steady);
}

std::optional<PushJob> Dispatcher::lease(PushJob job, const Instant& now) {
  if (job.leased) {  // nobody came back with it
    auto wanted = decision_.still_wanted(job, now.wall);
    if (!wanted) return std::nullopt;
    job = *std::move(wanted);
  }
  ++job.attempt;
  renew_push(job);
  job.leased = true;
  job.since = job.due;
  job.due = now.wall + kLease;
  database_.jobs().save(job);
  return job;
}

// An id says one thing: what another message has changed is another push. Whether it is.
bool Dispatcher::renew_push(PushJob& job) {
  if (!job.push_id.empty() && job.push_seq == job.last_seq) return false;
  job.push_id = outlets_.new_id();
  job.push_seq = job.last_seq;
  job.attempt = 1;
  return true;
}

void Dispatcher::ask(std::vector<PushJob> jobs, Clock::time_point now, bool again) {
  for (auto next = jobs.begin(); next != jobs.end();) {
    Asked asked{{}, now, again};
    PushCheck check{std::to_string(++last_number_), {}};
    std::size_t previews = 0;
    for (; next != jobs.end() && check.of.size() < kMaxPushChecks && previews < kMaxPushPreviews; ++next) {
      const auto preview = wanted_preview(*next);
      if (preview) ++previews;
      check.of.push_back({next->device.user, next->peer, preview});
      asked.jobs.push_back(std::move(*next));
    }
    outlets_.ask(check);  // what was not asked is not answered either
    asked_.emplace(check.req, std::move(asked));
  }
}

// The message whose text its device wants to be shown.
std::optional<Seq> Dispatcher::wanted_preview(const PushJob& job) {
  const bool wanted =
      job.kind == Notification::Kind::message && database_.registrations().wants_preview(job.device);
  return wanted ? std::optional(job.push_seq) : std::nullopt;
}

std::vector<PushJob> Dispatcher::take_unanswered(Clock::time_point now) {
  std::vector<PushJob> late;
  for (auto entry = asked_.begin(); entry != asked_.end();) {
    auto& [at_jobs, at, again] = entry->second;
    if (at + kCheckTimeout > now) {
      ++entry;
      continue;
    }
    std::move(at_jobs.begin(), at_jobs.end(), std::back_inserter(late));
    entry = asked_.erase(entry);
  }
  if (!late.empty() && !std::exchange(store_silent_, true)) {
    spdlog::warn("the store does not answer: pushes wait");
  }
  return late;
}

// What the store has not answered, what it answered too long ago, and what a service is not asked for now: by
// then there will be more to say.
void Dispatcher::put_back_late(const Instant& now) {
  auto late = take_unanswered(now.steady);
  for (auto& [name, entry] : lanes_) {
    auto& lane = entry;
    const bool closed = lane.health.gate(now.steady) == LaneHealth::Gate::closed;
    std::erase_if(lane.ready, [&](const CheckedPush& push) {
      if (!closed && push.checked_at + kCheckGood > now.steady) return false;
      if (closed) pass_over(lane, push.job);
      late.push_back(push.job);
      return true;
    });
  }
  if (late.empty()) return;
  sqlite::Transaction transaction(database_.connection());
  for (const auto& job : late) release(job, now);
  transaction.commit();
}

// Nothing has come meanwhile that makes it needless. A text is shown to nobody who no longer wants it, nor
// when a receipt may be for it alone.
bool Dispatcher::is_wanted(const CheckedPush& push) {
  const auto found = database_.jobs().find(push.job.id);
  if (!found || found->superseded != Superseded::no) return false;
  if (!push.has_text) return true;
  const auto registration = database_.registrations().find(push.job.device);
  return found->last_seq == push.job.push_seq && registration &&
         registration->generation == push.registration.generation;
}

void Dispatcher::put_back(const Instant& now) {
  sqlite::Transaction transaction(database_.connection());
  for (const auto& [req, asked] : std::exchange(asked_, {})) {
    for (const auto& job : asked.jobs) release(job, now);
  }
  for (auto& [name, lane] : lanes_) {
    for (const auto& push : std::exchange(lane.ready, {})) release(push.job, now);
  }
  transaction.commit();
}

// No attempt was made.
void Dispatcher::release(const PushJob& leased, const Instant& now) {
  if (const auto lane = lanes_.find(leased.lane); lane != lanes_.end()) --lane->second.leased;
  auto job = decision_.still_wanted(leased, now.wall);
  if (!job) return;
  job->leased = false;
  job->attempt = std::max(0, job->attempt - 1);
  job->due = now.wall;
  database_.jobs().save(*job);
}

void Dispatcher::on_check(const PushCheckAnswer& answer, const Instant& now) {
  const auto asked = asked_.find(answer.req);
  if (asked == asked_.end() || asked->second.jobs.size() != answer.of.size()) return;
  if (std::exchange(store_silent_, false)) spdlog::info("the store answers again");
  auto [jobs, at, again] = std::move(asked->second);
  asked_.erase(asked);
  std::vector<PushJob> outdated;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    auto ask_again = answered(jobs[i], answer.of[i], again, now);
    if (ask_again) outdated.push_back(*std::move(ask_again));
  }
  if (!outdated.empty()) ask(std::move(outdated), now.steady, true);
}

// The job, if the text is not that of its newest message any more: it is asked for again, once, as there may
// be another message each time. Then the push goes without.
std::optional<PushJob> Dispatcher::answered(const PushJob& asked,
                                            const std::optional<PushCheckAnswer::Standing>& standing,
                                            bool asked_again, const Instant& now) {
  const auto lane = lanes_.find(asked.lane);
  if (lane == lanes_.end()) return std::nullopt;
  auto owed = still_owed(lane->second, asked, standing, now);
  if (!owed) return std::nullopt;
  auto& [job, registration] = *owed;
  job.since = asked.since;
  const bool says_more = renew_push(job);
  if (says_more) database_.jobs().save(job);
  const bool text = standing->text && wants_preview(registration.target);
  if (text && says_more && !asked_again) return std::move(job);
  Notification says{.id = job.push_id,
                    .kind = job.kind,
                    .to = job.device,
                    .conversation = database_.conversation_tag(job.device, job.peer),
                    .seq = job.push_seq,
                    .badge = standing->badge,
                    .expires_at = job.expires};
  if (text && !says_more) says.preview = {job.peer, *standing->text};
  const bool has_text = says.preview.has_value();
  lane->second.ready.push_back(
      {std::move(job), std::move(registration), std::move(says), now.steady, has_text});
  return std::nullopt;
}

// nullopt: it is needless, or not this lane's any more.
std::optional<Dispatcher::Owed> Dispatcher::still_owed(
    Lane& lane, const PushJob& asked, const std::optional<PushCheckAnswer::Standing>& standing,
    const Instant& now) {
  auto job = decision_.still_wanted(asked, now.wall);
  if (job) {
    if (const auto why = decision_.objection(*job, standing)) {
      decision_.remove(*job, decided::kCancelled, *why, now.wall);
      job.reset();
    }
  }
  auto registration = job ? database_.registrations().find(job->device) : std::nullopt;
  if (registration && decision_.lanes().of(*registration) == asked.lane) {
    return Owed{*std::move(job), *std::move(registration)};
  }
  --lane.leased;
  if (job && !registration) decision_.unregistered(job->device, now.wall);
  if (!registration) return std::nullopt;
  job->leased = false;
  job->attempt = std::max(0, job->attempt - 1);
  job->due = now.wall;
  database_.jobs().save(*job);
  return std::nullopt;
}

bool Dispatcher::has_credentials(Lane& lane, const Instant& now) {
  if (lane.credentials_posted || lane.credentials_not_before > now.steady) return false;
  if (!lane.credentials) lane.credentials = lane.sender.credentials_request(now.wall);
  if (!lane.credentials) return true;
  if (const auto ticket = post(*lane.credentials)) {
    posting_.emplace(*ticket, Posting{&lane, lane.credentials->url, std::nullopt});
    lane.credentials.reset();
    lane.credentials_posted = true;
  }
  return false;
}

// Its ticket; nullopt: there is no room.
std::optional<std::uint64_t> Dispatcher::post(const HttpPost& request) {
  const auto ticket = ++last_number_;
  const bool taken = outlets_.poster.post(request, [ticket, done = outlets_.done](PostResult result) {
    done({ticket, std::move(result)});
  });
  return taken ? std::optional(ticket) : std::nullopt;
}

bool Dispatcher::may_post(Lane& lane, const Instant& now) {
  const auto gate = lane.health.gate(now.steady);
  if (gate == LaneHealth::Gate::closed || (gate == LaneHealth::Gate::probe && lane.posted > 0)) return false;
  return has_credentials(lane, now);
}

void Dispatcher::post_ready(Lane& lane, const Instant& now) {
  Unposted unposted;
  post_what_fits(lane, now, unposted);
  if (unposted.needless.empty() && unposted.impossible.empty()) return;
  sqlite::Transaction transaction(database_.connection());
  for (const auto& push : unposted.needless) release(push.job, now);
  auto why = unposted.why.begin();
  for (const auto& push : unposted.impossible) {
    --lane.leased;
    give_up(push, *why++, now.wall);
  }
  transaction.commit();
}

// The oldest first. It goes on behind what finds no room, as others may be for other hosts; how many requests
// are made for nothing is bounded, as some are dear.
void Dispatcher::post_what_fits(Lane& lane, const Instant& now, Unposted& unposted) {
  std::set<std::string> full;  // hosts
  std::size_t ahead = 0;
  for (auto next = lane.ready.begin();
       next != lane.ready.end() && ahead < kMadeAhead && may_post(lane, now);) {
    const auto push = next++;
    if (full.contains(push->host)) continue;
    if (!is_wanted(*push)) {
      unposted.needless.splice(unposted.needless.end(), lane.ready, push);
      continue;
    }
    const bool made = push->request.has_value();
    if (auto why = prepare(lane, *push, now.wall); !why.empty()) {
      unposted.impossible.splice(unposted.impossible.end(), lane.ready, push);
      unposted.why.push_back(std::move(why));
      continue;
    }
    const auto ticket = full.contains(push->host) ? std::nullopt : post(*push->request);
    if (ticket) {
      ++lane.posted;
      auto url = std::exchange(push->request, std::nullopt)->url;
      posting_.emplace(*ticket, Posting{&lane, std::move(url), std::move(*push)});
      lane.ready.erase(push);
    } else {
      full.insert(push->host);
      if (!made) ++ahead;
    }
  }
}

// Empty, or why it cannot be made.
std::string Dispatcher::prepare(const Lane& lane, CheckedPush& push, Timestamp now) const {
  if (push.request) return {};
  auto made = lane.sender.prepare(push.notification, push.registration, now);
  if (!made) return made.error().empty() ? "it cannot be made" : made.error();
  push.request = *std::move(made);
  push.notification.preview.reset();  // it is in there, where nobody but the device can read it
  push.host = host_of(push.request->url);
  return {};
}

std::optional<Dispatcher::Clock::time_point> Dispatcher::next_wakeup(const Instant& now) {
  std::optional<Clock::time_point> first;
  const auto at = [&first](Clock::time_point time) { first = std::min(first.value_or(time), time); };
  for (const auto& [name, lane] : lanes_) {
    if (const auto until = lane.health.closed_until(now.steady)) at(*until);
    if (lane.credentials_not_before > now.steady) at(lane.credentials_not_before);
    if (room(lane, now.steady) == 0) continue;
    if (const auto due = database_.jobs().next_due(name)) at(now.steady + (*due - now.wall));
  }
  return first;
}

}  // namespace duet
