#include "push_bridge/apns_sender.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "protocol/json_codec.h"
#include "push_bridge/apns_answer.h"
#include "push_bridge/judging.h"
#include "push_bridge/provider_token.h"
#include "push_bridge/push_request.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;

constexpr std::chrono::hours kLongestStored{24 * 30};  // by Apple

// Even, but of no size that Apple promises.
bool is_device_token(std::string_view text) {
  constexpr std::size_t kMost = 2048;
  return !text.empty() && text.size() <= kMost && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// The same for everybody: the app has the words, and fetches the message itself; or its extension puts what
// it can decrypt in their place, which is why the content is mutable.
json payload_of(const Notification& notification, const std::string& preview) {
  json aps{{"badge", notification.badge}};
  if (notification.kind == Notification::Kind::badge) return {{"aps", std::move(aps)}};
  const bool message = notification.kind == Notification::Kind::message;
  aps["alert"] = {{"loc-key", message ? "NEW_MESSAGE" : "TEST_NOTIFICATION"}};
  aps["sound"] = "default";
  if (!message) return {{"aps", std::move(aps)}};
  aps["mutable-content"] = 1;
  aps["thread-id"] = notification.conversation;
  json payload{{"aps", std::move(aps)}, {"c", notification.conversation}, {"s", notification.seq}};
  if (!preview.empty()) payload["preview"] = preview;
  return payload;
}

class ApnsSender final : public Sender {
 public:
  explicit ApnsSender(ApnsOptions options)
      : options_(std::move(options)),
        retries_(options_.seed),
        production_(tokens_of("production")),
        sandbox_(tokens_of("sandbox")) {}

  Platform platform() const override { return Platform::apns; }
  std::optional<HttpPost> credentials_request(Timestamp) override { return std::nullopt; }
  Judgement take_credentials(const PostResult&, Timestamp) override { return {Action::sent, "none needed"}; }
  Result<HttpPost, std::string> prepare(const Notification& notification, const Registration& registration,
                                        Timestamp now) override;
  Judgement judge(const PostResult& result, const Notification& notification,
                  const Registration& registration, int attempt, Timestamp now) override;

 private:
  ProviderTokens tokens_of(const std::string& environment) const {
    const std::string name = "apns/" + options_.team_id + "/" + options_.key_id + "/" + environment;
    return {name, options_.team_id, options_.key_id, options_.key, options_.memory};
  }
  ProviderTokens& tokens_of(ApnsEnvironment environment) {
    return environment == ApnsEnvironment::production ? production_ : sandbox_;
  }
  Judgement judge_answer(const ApnsAnswer& answer, const Notification& notification, int attempt);
  Judgement judge_expired(const Notification& notification, ProviderTokens& tokens,
                          std::optional<std::uint64_t> generation, int attempt, Timestamp now);

  const ApnsOptions options_;
  RetryJudge retries_;
  ProviderTokens production_;
  ProviderTokens sandbox_;
  PushMemory<std::uint64_t> used_;  // which provider token a push on its way has
};

Result<HttpPost, std::string> ApnsSender::prepare(const Notification& notification,
                                                  const Registration& registration, Timestamp now) {
  if (const auto wrong = wrong_with(notification, now); !wrong.empty())
    return Failure<std::string>(std::string(wrong));
  const auto& target = std::get<ApnsTarget>(registration.target);
  if (!is_device_token(target.token)) return Failure<std::string>("the device token is not hexadecimal");
  const bool production = target.environment == ApnsEnvironment::production;
  auto& tokens = tokens_of(target.environment);
  const bool badge = notification.kind == Notification::Kind::badge;
  const auto expiration = now + time_to_live(notification, now, kLongestStored);
  HttpPost post{
      (production ? options_.url_production : options_.url_sandbox) + "/3/device/" + target.token,
      {"authorization: bearer " + tokens.token(now, retries_.jitter()), "apns-topic: " + options_.topic,
       "apns-push-type: alert", "content-type: application/json",
       // An alert that must be shown at once; a number on the icon can wait for the device's radio.
       badge ? "apns-priority: 5" : "apns-priority: 10", "apns-id: " + notification.id,
       "apns-expiration: " +
           std::to_string(std::chrono::floor<std::chrono::seconds>(expiration).time_since_epoch().count())},
      dump(payload_of(notification, sealed_preview(notification, target.preview)))};
  // Of a badge too it would replace the conversation's alert, with nothing.
  if (!badge && !notification.conversation.empty()) {
    post.headers.push_back("apns-collapse-id: " + notification.conversation);
  }
  used_.of(notification.id) = tokens.generation();
  return post;
}

Judgement ApnsSender::judge(const PostResult& result, const Notification& notification,
                            const Registration& registration, int attempt, Timestamp now) {
  const auto generation = used_.take(notification.id);
  if (auto unanswered = retries_.judge_unanswered(result, notification, attempt))
    return *std::move(unanswered);
  const auto answer = parse_apns_answer(result.status, result.body);
  auto& tokens = tokens_of(std::get<ApnsTarget>(registration.target).environment);
  if (answer.meaning == ApnsAnswer::Meaning::token_expired) {
    return judge_expired(notification, tokens, generation, attempt, now);
  }
  if (answer.meaning == ApnsAnswer::Meaning::token_too_new) tokens.changed_too_often(now);
  return judge_answer(answer, notification, attempt);
}

Judgement ApnsSender::judge_expired(const Notification& notification, ProviderTokens& tokens,
                                    std::optional<std::uint64_t> generation, int attempt, Timestamp now) {
  const bool another = tokens.expired(generation.value_or(tokens.generation()), now);
  Judgement judgement{another ? Action::remint : Action::pause, "ExpiredProviderToken"};
  judgement.close_connection = true;  // that token is the connection's
  return retries_.conclude(notification, std::move(judgement), attempt);
}

Judgement ApnsSender::judge_answer(const ApnsAnswer& answer, const Notification& notification, int attempt) {
  using Meaning = ApnsAnswer::Meaning;
  const auto conclude = [&](Action action) {
    return retries_.conclude(notification, {action, answer.reason, {}, answer.gone_at}, attempt);
  };
  const auto on_another_connection = [](Judgement judgement) {
    judgement.close_connection = true;
    return judgement;
  };
  switch (answer.meaning) {
    case Meaning::accepted:
      return conclude(Action::sent);
    case Meaning::gone:
      return conclude(Action::drop_token);
    case Meaning::suspect:
      return conclude(Action::suspect_token);
    case Meaning::our_mistake:
      return conclude(Action::give_up);
    case Meaning::configuration:
      return conclude(Action::pause);
    case Meaning::other_connection:
      return on_another_connection(conclude(Action::pause));
    case Meaning::connection_ends:
      return on_another_connection(retries_.retry(notification, Cause::not_sent, answer.reason, attempt));
    case Meaning::token_too_new:
      return on_another_connection(
          retries_.retry_by(notification, options_.server_error_delays, answer.reason, attempt));
    case Meaning::too_many:
    case Meaning::server_error:
      return retries_.retry_by(notification, options_.server_error_delays, answer.reason, attempt);
    case Meaning::token_expired:
    case Meaning::not_understood:
      break;
  }
  return retries_.retry(notification, Cause::not_understood, answer.reason, attempt);
}

void check(bool ok, const char* what) {
  if (!ok) throw std::invalid_argument(what);
}

}  // namespace

std::unique_ptr<Sender> make_apns_sender(ApnsOptions options) {
  constexpr std::size_t kIdBytes = 10;
  check(is_plain(options.topic, 255), "topic: it is not a bundle id");
  check(is_plain(options.team_id, kIdBytes) && options.team_id.size() == kIdBytes,
        "team_id: it has no 10 letters and digits");
  check(is_plain(options.key_id, kIdBytes) && options.key_id.size() == kIdBytes,
        "key_id: it has no 10 letters and digits");
  check(options.key.algorithm() == SignatureAlgorithm::es256, "key_file: the key is not EC P-256");
  check(options.memory != nullptr, "memory: there is none");
  check(!options.server_error_delays.empty(), "server_error_delays: there are none");
  return std::make_unique<ApnsSender>(std::move(options));
}

}  // namespace duet
