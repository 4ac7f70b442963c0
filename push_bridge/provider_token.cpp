#include "push_bridge/provider_token.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"

namespace duet {
namespace {

using nlohmann::json;
using std::chrono::minutes;

constexpr minutes kMiddleLife{45};
constexpr minutes kLifeSpread{5};
constexpr minutes kLeastLife{20};
constexpr minutes kMostLife{55};  // five less than Apple's
constexpr minutes kClockStep{1};  // a token from further ahead is of a clock that was wrong

std::int64_t seconds_of(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::string format_remembered(const ProviderToken& token, const std::string& key) {
  return dump({{"token", token.text},
               {"issued_at", token.issued_at.time_since_epoch().count()},
               {"renew_at", token.renew_at.time_since_epoch().count()},
               {"key", key}});
}

// nullopt for a text of another key, or none of ours.
std::optional<ProviderToken> parse_remembered(const std::string& text, const std::string& key) {
  const auto object = json::parse(text, nullptr, false);
  if (!object.is_object() || object.value("key", json()) != key) return std::nullopt;
  const auto token = object.value("token", json());
  const auto issued_at = object.value("issued_at", json());
  const auto renew_at = object.value("renew_at", json());
  if (!token.is_string() || !issued_at.is_number_integer() || !renew_at.is_number_integer())
    return std::nullopt;
  const auto time = [](const json& ms) {
    return Timestamp(std::chrono::milliseconds(ms.get<std::int64_t>()));
  };
  return ProviderToken{token.get<std::string>(), time(issued_at), time(renew_at)};
}

}  // namespace

ProviderTokens::ProviderTokens(std::string name, std::string team_id, std::string key_id, SigningKey key,
                               std::shared_ptr<TokenMemory> memory)
    : name_(std::move(name)),
      team_id_(std::move(team_id)),
      key_id_(std::move(key_id)),
      key_(std::move(key)),
      memory_(std::move(memory)) {}

bool ProviderTokens::usable(const ProviderToken& token, Timestamp now) const {
  return token.issued_at <= now + kClockStep && now < token.renew_at && now < token.issued_at + kMostLife;
}

ProviderToken ProviderTokens::mint(Timestamp now, Jitter& jitter) const {
  const std::string header = dump({{"alg", to_string(key_.algorithm())}, {"kid", key_id_}});
  const std::string claims = dump({{"iss", team_id_}, {"iat", seconds_of(now)}});
  // 40 to 50 minutes.
  const Delay spread = jitter.around(2 * Delay(kLifeSpread)) - 2 * Delay(kLifeSpread);
  return {key_.sign_jws(header, claims), now, now + kMiddleLife + spread};
}

std::optional<ProviderToken> ProviderTokens::remembered(Timestamp now) const {
  const auto text = memory_->load(name_);
  if (!text) return std::nullopt;
  auto token = parse_remembered(*text, key_.key_id());
  if (!token || !usable(*token, now) || (current_ && current_->text == token->text)) return std::nullopt;
  return token;
}

const std::string& ProviderTokens::token(Timestamp now, Jitter& jitter) {
  if (use_previous_ && now < previous_->issued_at + kMostLife) return previous_->text;
  if (std::exchange(use_previous_, false)) ++generation_;
  if (current_ && usable(*current_, now)) return current_->text;
  // Another sender of the same key, or this process before it restarted, may have been there first.
  auto next = remembered(now);
  if (!next) {
    next = mint(now, jitter);
    memory_->save(name_, format_remembered(*next, key_.key_id()));
  }
  previous_ = std::exchange(current_, std::move(next));
  ++generation_;
  return current_->text;
}

bool ProviderTokens::expired(std::uint64_t generation, Timestamp now) {
  if (generation != generation_) return true;
  if (std::exchange(use_previous_, false)) {  // the current one is younger
    ++generation_;
    return true;
  }
  if (!current_ || now < current_->issued_at + kLeastLife) return false;
  current_->renew_at = now;
  return true;
}

void ProviderTokens::changed_too_often(Timestamp now) {
  if (use_previous_ || !previous_ || now >= previous_->issued_at + kMostLife) return;
  use_previous_ = true;
  ++generation_;
}

}  // namespace duet
