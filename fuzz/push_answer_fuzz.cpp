// What push services answer, and the endpoints that clients give. Input: a letter, and
//   a f w    two bytes, a status; then a body: the answer of APNs, FCM, a browser's service to a push
//   o        the same: the answer of Google's OAuth server
//   r        a Retry-After
//   e        an endpoint
//   s        a service account's file
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "acl/signing_key.h"
#include "fuzz/fuzz.h"
#include "push_bridge/apns_sender.h"
#include "push_bridge/fcm_sender.h"
#include "push_bridge/retry_schedule.h"
#include "push_bridge/webpush_endpoint.h"
#include "push_bridge/webpush_sender.h"

namespace duet::fuzz {
namespace {

using Action = Judgement::Action;

constexpr Timestamp kNow{std::chrono::seconds(1'700'000'000)};

const SigningKey& ec_signing_key() {
  static const auto key = SigningKey::generate(SignatureAlgorithm::es256);
  return key;
}

const SigningKey& rsa_signing_key() {
  static const auto key = SigningKey::generate(SignatureAlgorithm::rs256);
  return key;
}

class NoMemory final : public TokenMemory {
 public:
  std::optional<std::string> load(const std::string&) override { return std::nullopt; }
  void save(const std::string&, const std::string&) override {}
};

std::unique_ptr<Sender> sender_of(char form) {
  if (form == 'a') {
    return make_apns_sender(
        {"net.example.duet", "TEAM567890", "KEY4567890", ec_signing_key(), std::make_shared<NoMemory>()});
  }
  if (form == 'w') return make_webpush_sender({.subject = "mailto:ops@example.net", .key = ec_signing_key()});
  return make_fcm_sender(
      {.account = {"project", "push@example.net", "", rsa_signing_key(), "https://example.net/token"}});
}

Target target_of(char form) {
  if (form == 'a') return ApnsTarget{"00ff", ApnsEnvironment::production};
  if (form == 'w') return WebPushTarget{"https://fcm.googleapis.com/a", {"", ""}};
  return FcmTarget{"token"};
}

// A service's word, or one of ours, which have spaces and digits.
bool can_be_recorded(const std::string& reason) {
  constexpr std::size_t kMostBytes = 64;
  return !reason.empty() && reason.size() <= kMostBytes &&
         std::ranges::all_of(reason, [](char c) { return c >= ' ' && c <= '~'; });
}

void check_judgement(const Judgement& judgement, int status) {
  require(can_be_recorded(judgement.reason), "a reason can be recorded");
  require(judgement.after.has_value() == (judgement.action == Action::retry),
          "a retry has its time, nothing else has");
  require(!judgement.after || (judgement.after->count() > 0 && *judgement.after <= std::chrono::hours(36)),
          "a retry is later, but not much");
  require(!judgement.gone_at || judgement.action == Action::drop_token, "only who is gone is gone since");
  const bool success = status >= 200 && status <= 299;
  require(judgement.action != Action::sent || success, "only a success is one");
  require(judgement.action != Action::drop_token || status == 410 || status == 404,
          "nothing but the two statuses for it drops a token");
}

void check_answer(char form, Input& input) {
  const int status = input.two_bytes() % 600;
  // A header of the service too: the body's first line.
  const std::string body(input.rest());
  const PostResult answer{
      PostResult::Kind::answered, status, {{"retry-after", body.substr(0, body.find('\n'))}}, body, {}};
  const auto sender = sender_of(form);
  if (form == 'o') {
    sender->credentials_request(kNow);
    const auto judgement = sender->take_credentials(answer, kNow);
    require(judgement.action == Action::sent || sender->credentials_request(kNow).has_value(),
            "without a token there is one to ask for");
    return check_judgement(judgement, status);
  }
  const Device to{*UserId::parse("bob"), *DeviceId::parse("phone")};
  const Notification push{
      "5e2cbc2f-7a2f-4f6b-a1f5-0d4e5a0b1c2d", Notification::Kind::message, to, "hidden", 1, 1,
      kNow + std::chrono::hours(24)};
  const Registration registration{to, "app", target_of(form), kNow, 1};
  bool over = false;
  for (int attempt = 1; attempt <= 12; ++attempt) {
    const auto judgement = sender->judge(answer, push, registration, attempt, kNow);
    check_judgement(judgement, status);
    over = over || judgement.action == Action::give_up;
  }
  require(form == 'a' || over || sender->judge(answer, push, registration, 13, kNow).action != Action::retry,
          "no retry is for ever");
}

void check_endpoint(std::string_view text) {
  static const auto hosts = AllowedHosts::parse({"push.example.net", "127.0.0.1:8443"}).value();
  const auto endpoint = hosts.allow(text);
  if (!endpoint) return;
  const auto& origin = endpoint->origin;
  require(origin == "https://127.0.0.1:8443" || origin == "https://push.example.net" ||
              (origin.starts_with("https://") && origin.ends_with(".push.example.net")),
          "only allowed hosts are posted to");
  require(origin.find_first_of("@/?#\\[]%", 8) == std::string::npos, "a host is nothing but a host");
  require(endpoint->url.starts_with(origin + "/"), "the URL is of the origin");
  const auto again = hosts.allow(endpoint->url);
  require(again && again->url == endpoint->url && again->origin == origin,
          "what is posted to is allowed as well");
}

void check_service_account(std::string_view text) {
  const auto account = parse_service_account(text);
  if (!account) return require(!account.error().empty(), "an error says what is wrong");
  require(account->private_key.algorithm() == SignatureAlgorithm::rs256, "Google's keys are RSA");
  const auto post = make_fcm_sender({.account = *account})->credentials_request(kNow);
  require(post && post->url.starts_with("http"), "an account asks for a token");
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  const char form = static_cast<char>(input.byte());
  switch (form) {
    case 'a':
    case 'f':
    case 'w':
    case 'o':
      return check_answer(form, input);
    case 'r':
      if (const auto delay = parse_retry_after(input.rest(), kNow)) {
        require(delay->count() >= 0 && *delay <= std::chrono::hours(24),
                "nobody makes us wait for more than a day");
      }
      return;
    case 'e':
      return check_endpoint(input.rest());
    case 's':
      return check_service_account(input.rest());
    default:
      return;
  }
}

}  // namespace duet::fuzz
