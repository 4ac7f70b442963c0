// push_bridge/access_token.h: the token with which Google lets a service account send (OAuth 2.0 for service
// accounts, RFC 7523): asked for with a signed assertion, used for most of its hour, asked for again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "push_bridge/fcm_sender.h"
#include "push_bridge/retry_schedule.h"
#include "push_bridge/sender.h"

namespace duet {

// Used by one thread.
class AccessToken {
 public:
  explicit AccessToken(ServiceAccount account) : account_(std::move(account)) {}

  // A grant to ask for: there is no token, or it is at 85 to 90 % of its life. One at a time. After a failure
  // the old token is used for as long as it lasts, and another asked for after the delay that `take` gave.
  std::optional<HttpPost> request(Timestamp now);
  Judgement take(const PostResult& answer, Timestamp now, Jitter& jitter);

  // nullptr: there is none.
  const std::string* token(Timestamp now) const;
  // Of the token: another with every grant.
  std::uint64_t generation() const { return generation_; }

  // The service has refused the token of this generation. Whether it is worth trying once more: with the next
  // one, but not when one that came after such a refusal is refused too.
  bool refused(std::uint64_t generation);
  // The service has accepted a token.
  void accepted() { refused_before_ = false; }

 private:
  struct Grant {
    std::string token;
    Timestamp renew_at;
    Timestamp expires_at;
  };

  Judgement failed(Judgement::Action action, std::string reason, Timestamp now, Jitter& jitter,
                   Delay least = Delay(0));

  const ServiceAccount account_;
  std::optional<Grant> grant_;
  std::uint64_t generation_ = 0;
  bool in_flight_ = false;
  bool refused_before_ = false;
  int failures_ = 0;  // in a row
  Timestamp not_before_{};
};

}  // namespace duet
