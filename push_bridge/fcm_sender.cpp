#include "push_bridge/fcm_sender.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "protocol/json_codec.h"
#include "protocol/json_fields.h"
#include "protocol/secure_url.h"
#include "push_bridge/access_token.h"
#include "push_bridge/fcm_answer.h"
#include "push_bridge/judging.h"
#include "push_bridge/push_request.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;

constexpr std::chrono::hours kLongestTtl{24 * 28};  // FCM's
// More often than this nobody is asked, whatever Retry-After says.
constexpr Delay kLeastFcmDelay = std::chrono::seconds(10);

bool is_registration_token(std::string_view text) {
  constexpr std::size_t kMost = 2048;
  return !text.empty() && text.size() <= kMost &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// A data message: it has no words, the app has them. No collapse_key: FCM sends what is collapsible once in
// three minutes. The app's notification takes the place of the conversation's last by its tag.
json message_of(const Notification& notification, const std::string& token, const std::string& preview,
                Timestamp now) {
  json data{{"kind", to_string(notification.kind)},
            {"push_id", notification.id},
            {"badge", std::to_string(notification.badge)}};
  if (!notification.conversation.empty()) {
    data["conversation"] = notification.conversation;
    data["seq"] = std::to_string(notification.seq);
  }
  if (!preview.empty()) data["preview"] = preview;
  // Messages of high priority that show nothing make Android take the others less seriously.
  const bool shows = notification.kind != Notification::Kind::badge;
  const auto ttl = time_to_live(notification, now, kLongestTtl);
  return {{"token", token},
          {"data", std::move(data)},
          {"android", {{"priority", shows ? "HIGH" : "NORMAL"}, {"ttl", std::to_string(ttl.count()) + "s"}}}};
}

class FcmSender final : public Sender {
 public:
  explicit FcmSender(FcmOptions options)
      : url_(options.url + "/v1/projects/" + options.account.project_id + "/messages:send"),
        retries_(options.seed),
        access_(std::move(options.account)) {}

  Platform platform() const override { return Platform::fcm; }
  std::optional<HttpPost> credentials_request(Timestamp now) override { return access_.request(now); }
  Judgement take_credentials(const PostResult& answer, Timestamp now) override {
    return access_.take(answer, now, retries_.jitter());
  }
  Result<HttpPost, std::string> prepare(const Notification& notification, const Registration& registration,
                                        Timestamp now) override;
  Judgement judge(const PostResult& result, const Notification& notification,
                  const Registration& registration, int attempt, Timestamp now) override;

 private:
  Judgement judge_token_expired(const FcmAnswer& answer, const Notification& notification,
                                std::optional<std::uint64_t> generation, int attempt);
  Judgement judge_later(const FcmAnswer& answer, const PostResult& result, const Notification& notification,
                        int attempt, Timestamp now);

  const std::string url_;
  RetryJudge retries_;
  AccessToken access_;
  PushMemory<std::uint64_t> used_;  // which access token a push on its way has
};

Result<HttpPost, std::string> FcmSender::prepare(const Notification& notification,
                                                 const Registration& registration, Timestamp now) {
  if (const auto wrong = wrong_with(notification, now); !wrong.empty())
    return Failure<std::string>(std::string(wrong));
  const auto& target = std::get<FcmTarget>(registration.target);
  if (!is_registration_token(target.token))
    return Failure<std::string>("the registration token is not printable ASCII");
  const std::string* access_token = access_.token(now);
  if (access_token == nullptr) return Failure<std::string>("there is no access token yet");
  const auto preview = sealed_preview(notification, target.preview);
  used_.of(notification.id) = access_.generation();
  return HttpPost{url_,
                  {"authorization: Bearer " + *access_token, "content-type: application/json"},
                  dump({{"message", message_of(notification, target.token, preview, now)}})};
}

Judgement FcmSender::judge(const PostResult& result, const Notification& notification, const Registration&,
                           int attempt, Timestamp now) {
  using Meaning = FcmAnswer::Meaning;
  const auto generation = used_.take(notification.id);
  if (auto unanswered = retries_.judge_unanswered(result, notification, attempt))
    return *std::move(unanswered);
  const auto answer = parse_fcm_answer(result.status, result.body);
  const auto conclude = [&](Action action) {
    return retries_.conclude(notification, {action, answer.reason}, attempt);
  };
  switch (answer.meaning) {
    case Meaning::accepted:
      access_.accepted();
      return conclude(Action::sent);
    case Meaning::gone:
      return conclude(Action::drop_token);
    case Meaning::suspect:
      return conclude(Action::suspect_token);
    case Meaning::configuration:
      return conclude(Action::pause);
    case Meaning::our_mistake:
      return conclude(Action::give_up);
    case Meaning::token_expired:
      return judge_token_expired(answer, notification, generation, attempt);
    case Meaning::too_many:
    case Meaning::server_error:
      return judge_later(answer, result, notification, attempt, now);
    case Meaning::not_understood:
      break;
  }
  return retries_.retry(notification, Cause::not_understood, answer.reason, attempt);
}

Judgement FcmSender::judge_token_expired(const FcmAnswer& answer, const Notification& notification,
                                         std::optional<std::uint64_t> generation, int attempt) {
  const bool again = access_.refused(generation.value_or(access_.generation()));
  return retries_.conclude(notification, {again ? Action::remint : Action::pause, answer.reason}, attempt);
}

Judgement FcmSender::judge_later(const FcmAnswer& answer, const PostResult& result,
                                 const Notification& notification, int attempt, Timestamp now) {
  const bool too_many = answer.meaning == FcmAnswer::Meaning::too_many;
  const Cause cause = too_many ? Cause::too_many : Cause::server_error;
  const auto for_all = [too_many](Judgement judgement) {  // a project's quota, or a device's: it does not say
    judgement.of_all = too_many && judgement.action == Action::retry;
    return judgement;
  };
  const auto header = result.headers.find("retry-after");
  if (header != result.headers.end()) {
    if (const auto least = parse_retry_after(header->second, now)) {
      return for_all(retries_.retry_after(notification, cause, answer.reason, attempt,
                                          std::max(*least, kLeastFcmDelay)));
    }
  }
  return for_all(retries_.retry(notification, cause, answer.reason, attempt));
}

}  // namespace

Result<ServiceAccount, std::string> parse_service_account(std::string_view json_text) {
  static constexpr std::array<std::string_view, 6> kNames{"type",           "project_id",  "client_email",
                                                          "private_key_id", "private_key", "token_uri"};
  const auto fields = parse_json_fields(json_text, kNames);
  if (!fields) return Failure<std::string>("it is not a JSON object");
  std::array<std::string, kNames.size()> texts;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto* text = std::get_if<std::string>(&fields->at(i));
    const bool optional = kNames.at(i) == "private_key_id";
    if (text == nullptr && !optional)
      return Failure<std::string>("it has no text '" + std::string(kNames.at(i)) + "'");
    if (text != nullptr) texts.at(i) = *text;
  }
  const auto& [type, project_id, client_email, private_key_id, private_key, token_uri] = texts;
  if (type != "service_account") return Failure<std::string>("'type' is not service_account");
  if (!is_plain(project_id, 255)) return Failure<std::string>("'project_id' is no name of a project");
  if (!is_secure_url(token_uri)) return Failure<std::string>("'token_uri' is not an https URL");
  auto key = SigningKey::from_pem(private_key);
  if (!key) return Failure<std::string>("'private_key': " + key.error());
  if (key->algorithm() != SignatureAlgorithm::rs256) return Failure<std::string>("'private_key' is not RSA");
  return ServiceAccount{project_id, client_email, private_key_id, *std::move(key), token_uri};
}

std::unique_ptr<Sender> make_fcm_sender(FcmOptions options) {
  if (options.account.private_key.algorithm() != SignatureAlgorithm::rs256) {
    throw std::invalid_argument("credentials_file: the key is not RSA");
  }
  if (!is_plain(options.account.project_id, 255)) {
    throw std::invalid_argument("credentials_file: 'project_id' is no name of a project");
  }
  return std::make_unique<FcmSender>(std::move(options));
}

}  // namespace duet
