// push_bridge/judging.h: what the senders' judgements have in common. Only for the senders' own .cpp files.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "push_bridge/push_memory.h"
#include "push_bridge/retry_schedule.h"
#include "push_bridge/sender.h"

namespace duet {

// Whether it is fit for records and logs: 1 to 64 letters and underscores, as all that are known. A token,
// which a service may well repeat, has digits.
bool is_reason(std::string_view word);

// "HTTP 502"
std::string http_reason(int status);

bool is_server_error(int status);

// Turns what an attempt failed of into a retry, or into its end. One for each sender.
class RetryJudge {
 public:
  explicit RetryJudge(std::uint64_t seed) : jitter_(seed) {}

  Jitter& jitter() { return jitter_; }

  // One that ends the push, or makes no difference to what the next attempt may do. Forgets the push when it
  // ends.
  Judgement conclude(const Notification& notification, Judgement judgement, int attempt);

  // A retry by the schedule of `cause`, which is not `other`; give_up when that has come to its end.
  Judgement retry(const Notification& notification, Cause cause, std::string reason, int attempt);
  // A retry that is not before `least`.
  Judgement retry_after(const Notification& notification, Cause cause, std::string reason, int attempt,
                        Delay least);
  // A retry by steps that do not end.
  Judgement retry_by(const Notification& notification, std::span<const std::chrono::seconds> steps,
                     std::string reason, int attempt);

  // Of a result that is no answer; nullopt for an answer.
  std::optional<Judgement> judge_unanswered(const PostResult& result, const Notification& notification,
                                            int attempt);

 private:
  Failures failures_;
  Jitter jitter_;
};

}  // namespace duet
