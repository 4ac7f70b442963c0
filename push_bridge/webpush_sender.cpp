#include "push_bridge/webpush_sender.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "protocol/json_codec.h"
#include "push_bridge/judging.h"
#include "push_bridge/push_request.h"
#include "push_bridge/vapid.h"
#include "push_bridge/webpush_encryption.h"
#include "push_bridge/webpush_endpoint.h"

namespace duet {
namespace {

using nlohmann::json;
using Action = Judgement::Action;

constexpr std::chrono::hours kLongestTtlOfWebPush{24 * 28};
// Of all pushes to a device that wants previews: how long a text is, or whether there is one, is nobody's
// business. The longest has 1315 bytes.
constexpr std::size_t kPaddedBytes = 1536;

// The same for everybody: the service worker has the words, or a preview.
json web_payload_of(const Notification& notification, bool preview) {
  json payload{
      {"kind", to_string(notification.kind)}, {"id", notification.id}, {"badge", notification.badge}};
  if (!notification.conversation.empty()) {
    payload["c"] = notification.conversation;
    payload["s"] = notification.seq;
  }
  if (preview && has_preview(notification)) payload["preview"] = preview_json(*notification.preview);
  return payload;
}

bool is_success(int status) {
  return status >= 200 && status <= 299;
}

class WebPushSender final : public Sender {
 public:
  WebPushSender(WebPushOptions options, AllowedHosts hosts)
      : retries_(options.seed),
        hosts_(std::move(hosts)),
        vapid_(std::move(options.subject), std::move(options.key)) {}

  Platform platform() const override { return Platform::webpush; }
  const AllowedHosts* hosts() const override { return &hosts_; }
  std::optional<HttpPost> credentials_request(Timestamp) override { return std::nullopt; }
  Judgement take_credentials(const PostResult&, Timestamp) override { return {Action::sent, "none needed"}; }
  Result<HttpPost, std::string> prepare(const Notification& notification, const Registration& registration,
                                        Timestamp now) override;
  Judgement judge(const PostResult& result, const Notification& notification,
                  const Registration& registration, int attempt, Timestamp now) override;

 private:
  Judgement judge_refused(const Notification& notification, std::string reason, int attempt);
  Judgement judge_later(const PostResult& result, const Notification& notification, int attempt,
                        Timestamp now);

  RetryJudge retries_;
  const AllowedHosts hosts_;
  Vapid vapid_;
  bool vapid_accepted_ = false;  // by some service, since the start
  PushMemory<int> pauses_;       // that a push has led to: one that is held makes no progress in its attempts
};

Result<HttpPost, std::string> WebPushSender::prepare(const Notification& notification,
                                                     const Registration& registration, Timestamp now) {
  if (const auto wrong = wrong_with(notification, now); !wrong.empty())
    return Failure<std::string>(std::string(wrong));
  if (notification.kind == Notification::Kind::badge) {
    return Failure<std::string>("browsers have no silent push");
  }
  const auto& target = std::get<WebPushTarget>(registration.target);
  const auto endpoint = hosts_.allow(target.endpoint);
  if (!endpoint) return Failure<std::string>("the endpoint is not an https URL of an allowed host");
  auto body = encrypt_web_push(dump(web_payload_of(notification, target.preview)), target.keys.key,
                               target.keys.secret, target.preview ? kPaddedBytes : 0);
  if (!body) return Failure<std::string>(body.error());
  const auto ttl = time_to_live(notification, now, kLongestTtlOfWebPush);
  HttpPost post{
      endpoint->url,
      {"authorization: " + vapid_.authorization(endpoint->origin, now), "content-encoding: aes128gcm",
       "content-type: application/octet-stream", "ttl: " + std::to_string(ttl.count()), "urgency: high"},
      *std::move(body)};
  if (!notification.conversation.empty()) post.headers.push_back("topic: " + notification.conversation);
  return post;
}

Judgement WebPushSender::judge(const PostResult& result, const Notification& notification,
                               const Registration&, int attempt, Timestamp now) {
  if (auto unanswered = retries_.judge_unanswered(result, notification, attempt))
    return *std::move(unanswered);
  auto reason = http_reason(result.status);
  if (is_success(result.status)) {
    vapid_accepted_ = true;
    pauses_.take(notification.id);
    return retries_.conclude(notification, {Action::sent, "accepted"}, attempt);
  }
  switch (result.status) {
    case 404:
    case 410:
      return retries_.conclude(notification, {Action::drop_token, std::move(reason)}, attempt);
    case 413:
      return retries_.conclude(notification, {Action::give_up, std::move(reason)}, attempt);
    case 400:
    case 401:
    case 403:
      return judge_refused(notification, std::move(reason), attempt);
    default:
      break;
  }
  if (result.status == 429 || is_server_error(result.status))
    return judge_later(result, notification, attempt, now);
  return retries_.retry(notification, Cause::not_understood, std::move(reason), attempt);
}

// Our key or subject is wrong; or this subscription is of another key, and a client can register such a one
// whenever it likes: nobody else's pushes may stop for that. A key that was accepted since the start is
// right.
Judgement WebPushSender::judge_refused(const Notification& notification, std::string reason, int attempt) {
  constexpr std::chrono::minutes kLeast{1};
  constexpr int kMostPauses = 3;
  if (vapid_accepted_) {
    return retries_.retry_after(notification, Cause::not_understood, std::move(reason), attempt, kLeast);
  }
  if (++pauses_.of(notification.id) <= kMostPauses) {
    return retries_.conclude(notification, {Action::pause, std::move(reason)}, attempt);
  }
  pauses_.take(notification.id);
  return retries_.conclude(notification, {Action::give_up, std::move(reason)}, attempt);
}

Judgement WebPushSender::judge_later(const PostResult& result, const Notification& notification, int attempt,
                                     Timestamp now) {
  auto reason = http_reason(result.status);
  const Cause cause = result.status == 429 ? Cause::too_many : Cause::server_error;
  const auto header = result.headers.find("retry-after");
  if (header != result.headers.end()) {
    if (const auto least = parse_retry_after(header->second, now)) {
      constexpr Delay kLeast = std::chrono::seconds(1);
      return retries_.retry_after(notification, cause, std::move(reason), attempt, std::max(*least, kLeast));
    }
  }
  return retries_.retry(notification, cause, std::move(reason), attempt);
}

// In a JSON text of the token, and a URL of one of the two schemes (RFC 8292 2.1).
bool is_subject(std::string_view text) {
  constexpr std::size_t kMostBytes = 512;
  const bool scheme = text.starts_with("mailto:") || text.starts_with("https://");
  return scheme && text.size() <= kMostBytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::vector<std::string> known_webpush_hosts() {
  return {"fcm.googleapis.com", "jmt17.google.com", "push.services.mozilla.com", "notify.windows.com",
          "push.apple.com"};
}

std::unique_ptr<Sender> make_webpush_sender(WebPushOptions options) {
  if (!is_subject(options.subject)) throw std::invalid_argument("subject: it is no mailto: or https: URL");
  if (options.key.algorithm() != SignatureAlgorithm::es256) {
    throw std::invalid_argument("key_file: the key is not EC P-256");
  }
  auto hosts = AllowedHosts::parse(options.allowed_hosts);
  if (!hosts) throw std::invalid_argument("allowed_hosts: " + hosts.error());
  return std::make_unique<WebPushSender>(std::move(options), *std::move(hosts));
}

}  // namespace duet
