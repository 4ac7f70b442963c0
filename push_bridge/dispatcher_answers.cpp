// What follows from the answers of the push services.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "push_bridge/dispatcher.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kRetryUnsaid{10};

std::string outcome_of(const PostResult& result) {
  switch (result.kind) {
    case PostResult::Kind::answered:
      return std::to_string(result.status);
    case PostResult::Kind::not_sent:
      return "not sent";
    case PostResult::Kind::unknown:
      return "unknown";
    case PostResult::Kind::untrusted:
      return "untrusted";
  }
  return {};
}

}  // namespace

void Dispatcher::on_posted(PostDone done, const Instant& now) {
  auto posting = posting_.extract(done.ticket);
  if (posting.empty()) return;
  auto& [lane, url, push] = posting.mapped();
  if (!push) return on_credentials(*lane, done.result, now);
  --lane->leased;
  --lane->posted;
  const auto judgement =
      lane->sender.judge(done.result, push->notification, push->registration, push->job.attempt, now.wall);
  count(*lane, done.result, judgement.reason);
  if (done.result.kind == PostResult::Kind::answered && judgement.action != Judgement::Action::pause) {
    lane->passed_over.erase(push->job.id);
  } else {
    pass_over(*lane, push->job);
  }
  note_health(*lane, done.result, judgement, now);
  if (judgement.close_connection) outlets_.poster.renew_connections(url);
  act(*lane, *push, judgement, now);
}

void Dispatcher::count(const Lane& lane, const PostResult& result, const std::string& reason) {
  if (result.kind == PostResult::Kind::unknown) ++counters_.unknown;
  auto key = fmt::format("{} {}", lane.name, outcome_of(result));
  if (!reason.empty() && reason != "sent") key += " " + reason;
  if (counters_.answers.size() < PushCounters::kMaxReasons || counters_.answers.contains(key)) {
    ++counters_.answers[key];
  }
}

void Dispatcher::note_health(Lane& lane, const PostResult& result, const Judgement& judgement,
                             const Instant& now) {
  constexpr int kServerError = 500;
  constexpr std::chrono::milliseconds kNothing{0};
  const bool suspect = judgement.action == Judgement::Action::suspect_token;
  if (suspect || judgement.action == Judgement::Action::sent) lane.losses.note(suspect, now.steady);
  if (suspect && lane.losses.hopeless(now.steady)) {
    lane.health.misconfigured(now.steady);
  } else if (judgement.action == Judgement::Action::pause || result.kind == PostResult::Kind::untrusted) {
    if (lane.health.misconfigured(now.steady)) {
      spdlog::error(
          "{} is paused, as something is wrong with its configuration: {}. It is tried once a minute",
          lane.name, judgement.reason);
    }
  } else if (result.kind == PostResult::Kind::answered && result.status < kServerError && !judgement.of_all) {
    if (!lane.health.succeeded()) return;
    spdlog::info("{} works again", lane.name);
    take_places_again(lane);
  } else if (lane.health.failed(now.steady,
                                judgement.of_all ? judgement.after.value_or(kNothing) : kNothing)) {
    spdlog::warn("{} fails again and again, pushes wait: {}", lane.name, judgement.reason);
  }
}

void Dispatcher::pass_over(Lane& lane, const PushJob& job) {
  if (lane.passed_over.size() < Lane::kMostPassedOver) lane.passed_over.try_emplace(job.id, job.since);
}

// What made them wait is over, and it was not about them.
void Dispatcher::take_places_again(Lane& lane) {
  for (const auto& [id, since] : std::exchange(lane.passed_over, {})) {
    auto job = database_.jobs().find(id);
    if (!job || job->leased || job->due <= since) continue;
    job->due = since;
    database_.jobs().save(*job);
  }
}

void Dispatcher::on_credentials(Lane& lane, const PostResult& result, const Instant& now) {
  lane.credentials_posted = false;
  const auto judgement = lane.sender.take_credentials(result, now.wall);
  count(lane, result, judgement.reason);
  if (judgement.action == Judgement::Action::sent) return;
  lane.credentials_not_before = now.steady + judgement.after.value_or(kRetryUnsaid);
  if (judgement.action == Judgement::Action::pause) {
    note_health(lane, result, judgement, now);
  } else {
    spdlog::warn("{} has no credentials yet: {}", lane.name, judgement.reason);
  }
}

void Dispatcher::act(Lane& lane, const CheckedPush& push, const Judgement& judgement, const Instant& now) {
  using Action = Judgement::Action;
  switch (judgement.action) {
    case Action::sent:
      database_.decisions().add(push.job, decided::kSent, judgement.reason, now.wall);
      return decision_.sent(push.job, now.wall);
    case Action::retry:
    case Action::remint:
      return retry(push, judgement, now);
    case Action::drop_token:
      return drop_token(push, judgement, now.wall);
    case Action::suspect_token:
      return suspect_token(lane, push, judgement, now);
    case Action::pause:
      return hold(push, judgement, now.wall);
    case Action::give_up:
      return give_up(push, judgement.reason, now.wall);
  }
}

void Dispatcher::retry(const CheckedPush& push, const Judgement& judgement, const Instant& now) {
  auto job = decision_.still_wanted(push.job, now.wall);
  if (!job) return;
  const bool remint = judgement.action == Judgement::Action::remint;
  const std::chrono::milliseconds wait =
      judgement.after.value_or(remint ? std::chrono::seconds(0) : kRetryUnsaid);
  job->leased = false;
  job->not_before = now.wall + wait;
  job->due = job->not_before;
  database_.jobs().save(*job);
  database_.decisions().add(
      *job, decided::kRetry,
      fmt::format("{}, again in {:.1f} s", judgement.reason, std::chrono::duration<double>(wait).count()),
      now.wall);
  ++counters_.retries;
}

void Dispatcher::drop_token(const CheckedPush& push, const Judgement& judgement, Timestamp now) {
  const auto& registration = push.registration;
  if (judgement.gone_at && registration.registered_at >= *judgement.gone_at) {
    return give_up(push, judgement.reason + ", but the device has registered since", now);
  }
  if (database_.registrations().drop(registration)) {
    ++counters_.dropped;
    database_.decisions().add(push.job, decided::kDropped, judgement.reason, now);
    database_.device_notes().refused(
        registration.device, "the push service does not know the token any more: " + judgement.reason);
    return decision_.unregistered(registration.device, now);
  }
  auto job = decision_.still_wanted(push.job, now);
  if (!job) return;
  job->leased = false;  // the device has another token by now
  job->attempt = 0;
  job->due = now;
  database_.jobs().save(*job);
}

void Dispatcher::suspect_token(Lane& lane, const CheckedPush& push, const Judgement& judgement,
                               const Instant& now) {
  if (lane.losses.may_drop(now.steady)) return drop_token(push, judgement, now.wall);
  if (lane.losses.too_many(now.steady)) tell_losses(lane, judgement.reason, now.steady);
  if (lane.losses.hopeless(now.steady)) return hold(push, judgement, now.wall);
  give_up(push, judgement.reason, now.wall);
}

void Dispatcher::tell_losses(Lane& lane, const std::string& reason, Clock::time_point now) {
  constexpr std::chrono::minutes kTellEvery{1};
  if (lane.losses_told != Clock::time_point{} && now - lane.losses_told < kTellEvery) return;
  lane.losses_told = now;
  spdlog::error(
      "{} refuses more than a fifth of all tokens ({}): none is forgotten. Look at its configuration. While "
      "it "
      "refuses most of them, it is tried once a minute",
      lane.name, reason);
}

void Dispatcher::hold(const CheckedPush& push, const Judgement& judgement, Timestamp now) {
  auto job = decision_.still_wanted(push.job, now);
  if (!job) return;
  job->leased = false;
  job->attempt = std::max(0, job->attempt - 1);
  job->due = now;
  database_.jobs().save(*job);
  database_.decisions().add(push.job, decided::kHeld, judgement.reason, now);
}

void Dispatcher::give_up(const CheckedPush& push, std::string_view why, Timestamp now) {
  auto job = decision_.still_wanted(push.job, now);
  if (!job) return;
  if (job->last_seq <= push.job.push_seq) return decision_.remove(*job, decided::kDead, why, now);
  database_.decisions().add(push.job, decided::kDead, why, now);
  ++counters_.dead;
  job->leased = false;  // a message has come meanwhile, which is another push
  job->attempt = 0;
  job->due = now;
  database_.jobs().save(*job);
}

}  // namespace duet
