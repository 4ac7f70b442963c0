#include "push_bridge/judging.h"

#include <algorithm>

namespace duet {
namespace {

using Action = Judgement::Action;

std::optional<Delay> delay_of(Cause cause, int times, Jitter& jitter) {
  switch (cause) {
    case Cause::not_sent:
      return delay_when_not_sent(times, jitter);
    case Cause::unknown:
      return delay_when_unknown(times, jitter);
    case Cause::server_error:
      return delay_of_server_error(times, jitter);
    case Cause::too_many:
      return delay_of_too_many(times, jitter);
    case Cause::not_understood:
      return delay_when_not_understood(times, jitter);
    case Cause::other:
      break;
  }
  return std::nullopt;
}

}  // namespace

bool is_reason(std::string_view word) {
  constexpr std::size_t kMostBytes = 64;
  return !word.empty() && word.size() <= kMostBytes && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

std::string http_reason(int status) {
  return "HTTP " + std::to_string(status);
}

bool is_server_error(int status) {
  return status >= 500 && status <= 599;
}

Judgement RetryJudge::conclude(const Notification& notification, Judgement judgement, int attempt) {
  if (judgement.action == Action::pause || judgement.action == Action::remint) {
    failures_.note(notification.id, Cause::other, attempt);
  } else {
    failures_.forget(notification.id);
  }
  return judgement;
}

Judgement RetryJudge::retry(const Notification& notification, Cause cause, std::string reason, int attempt) {
  const auto delay = delay_of(cause, failures_.note(notification.id, cause, attempt), jitter_);
  if (!delay) return conclude(notification, {Action::give_up, std::move(reason)}, attempt);
  return {Action::retry, std::move(reason), *delay};
}

Judgement RetryJudge::retry_after(const Notification& notification, Cause cause, std::string reason,
                                  int attempt, Delay least) {
  auto judgement = retry(notification, cause, std::move(reason), attempt);
  // What the service says is taken at its word, whatever the schedule would do.
  if (judgement.action == Action::retry) judgement.after = jitter_.at_least(least);
  return judgement;
}

Judgement RetryJudge::retry_by(const Notification& notification, std::span<const std::chrono::seconds> steps,
                               std::string reason, int attempt) {
  const int times = failures_.note(notification.id, Cause::server_error, attempt);
  return {Action::retry, std::move(reason), delay_of_steps(steps, times, jitter_)};
}

std::optional<Judgement> RetryJudge::judge_unanswered(const PostResult& result,
                                                      const Notification& notification, int attempt) {
  switch (result.kind) {
    case PostResult::Kind::answered:
      return std::nullopt;
    case PostResult::Kind::not_sent:
      return retry(notification, Cause::not_sent, "not sent", attempt);
    case PostResult::Kind::unknown:
      return retry(notification, Cause::unknown, "unknown outcome", attempt);
    case PostResult::Kind::untrusted:
      break;
  }
  return conclude(notification, {Action::pause, "untrusted"}, attempt);
}

}  // namespace duet
