#include "push_bridge/access_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"
#include "push_bridge/fcm_answer.h"
#include "push_bridge/judging.h"

namespace duet {
namespace {

using Action = Judgement::Action;

constexpr std::string_view kScope = "https://www.googleapis.com/auth/firebase.messaging";
constexpr std::chrono::seconds kAssertionLife{3600};  // the most that Google takes
constexpr Delay kFirstRetryOfGrant = std::chrono::seconds(1);
constexpr Delay kMostRetryOfGrant = std::chrono::seconds(60);

std::string assertion_of(const ServiceAccount& account, Timestamp now) {
  const auto issued_at = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
  nlohmann::json header{{"alg", to_string(account.private_key.algorithm())}, {"typ", "JWT"}};
  if (!account.private_key_id.empty()) header["kid"] = account.private_key_id;
  return account.private_key.sign_jws(dump(header), dump({{"iss", account.client_email},
                                                          {"scope", kScope},
                                                          {"aud", account.token_uri},
                                                          {"iat", issued_at.count()},
                                                          {"exp", (issued_at + kAssertionLife).count()}}));
}

// Of its life: 85 to 90 %.
Delay used_for(std::chrono::seconds life, Jitter& jitter) {
  return Delay(life) - jitter.at_least(Delay(life) / 10);
}

// After an answer that says "later": as of FCM itself. nullopt: it says something else.
std::optional<Delay> least_delay_of(const PostResult& answer, Timestamp now) {
  constexpr Delay kAfterServerError = std::chrono::seconds(10);
  constexpr Delay kAfterTooMany = std::chrono::seconds(60);
  const bool too_many = answer.status == 429;
  if (!too_many && !is_server_error(answer.status)) return std::nullopt;
  const auto header = answer.headers.find("retry-after");
  const auto said = header == answer.headers.end() ? std::nullopt : parse_retry_after(header->second, now);
  return std::max(kAfterServerError, said.value_or(too_many ? kAfterTooMany : Delay(0)));
}

}  // namespace

std::optional<HttpPost> AccessToken::request(Timestamp now) {
  const bool needed = !grant_ || now >= grant_->renew_at;
  if (!needed || in_flight_) return std::nullopt;
  // Without a token the caller waits, as it was told to; with one it need not.
  if (token(now) != nullptr && now < not_before_) return std::nullopt;
  in_flight_ = true;
  return HttpPost{account_.token_uri,
                  {"content-type: application/x-www-form-urlencoded"},
                  "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                      assertion_of(account_, now)};
}

Judgement AccessToken::take(const PostResult& answer, Timestamp now, Jitter& jitter) {
  in_flight_ = false;
  switch (answer.kind) {
    case PostResult::Kind::not_sent:
      return failed(Action::retry, "not sent", now, jitter);
    case PostResult::Kind::unknown:
      return failed(Action::retry, "unknown outcome", now, jitter);
    case PostResult::Kind::untrusted:
      return failed(Action::pause, "untrusted", now, jitter);
    case PostResult::Kind::answered:
      break;
  }
  if (answer.status != 200) {
    const auto least = least_delay_of(answer, now);
    return failed(least ? Action::retry : Action::pause, parse_grant_error(answer.status, answer.body), now,
                  jitter, least.value_or(Delay(0)));
  }
  auto granted = parse_access_grant(answer.body);
  if (!granted) return failed(Action::retry, "no access token in the answer", now, jitter);
  failures_ = 0;
  ++generation_;
  grant_ = Grant{std::move(granted->token), now + used_for(granted->expires_in, jitter),
                 now + granted->expires_in};
  return {Action::sent, "granted"};
}

Judgement AccessToken::failed(Action action, std::string reason, Timestamp now, Jitter& jitter, Delay least) {
  Delay delay = kFirstRetryOfGrant;
  for (int i = 0; i < failures_ && delay < kMostRetryOfGrant; ++i) delay *= 2;
  ++failures_;
  delay = std::max(jitter.around(std::min(delay, kMostRetryOfGrant)), jitter.at_least(least));
  not_before_ = now + delay;
  Judgement judgement{action, std::move(reason)};
  if (action == Action::retry) judgement.after = delay;
  return judgement;
}

const std::string* AccessToken::token(Timestamp now) const {
  return grant_ && now < grant_->expires_at ? &grant_->token : nullptr;
}

bool AccessToken::refused(std::uint64_t generation) {
  if (generation != generation_) return true;
  grant_.reset();
  ++generation_;  // so that the others on their way with it are no further refusals
  return !std::exchange(refused_before_, true);
}

}  // namespace duet
