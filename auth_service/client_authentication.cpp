#include "auth_service/client_authentication.h"

#include "acl/crypto.h"
#include "auth_service/audit.h"

namespace duet {
namespace {

struct Presented {
  std::string id;
  std::optional<std::string> secret;
};

HttpResponse invalid_client() {
  return oauth_error(401, "invalid_client", "the client is unknown or its secret is wrong")
      .with("WWW-Authenticate", R"(Basic realm="duet", charset="UTF-8")");
}

Result<Presented, HttpResponse> read_credentials(const HttpRequest& request, const Form& form) {
  const auto* id = form.find("client_id");
  const auto* secret = form.find("client_secret");
  if (request.authorization.empty()) {
    if (id == nullptr) return Failure<HttpResponse>(invalid_client());
    return Presented{*id, secret != nullptr ? std::optional(*secret) : std::nullopt};
  }
  if (request.authorization.size() > 1 || secret != nullptr) {
    return Failure<HttpResponse>(
        oauth_error(400, "invalid_request", "the client authenticates in more than one way"));
  }
  const auto token = find_credentials(request.authorization.front(), "Basic");
  auto basic = token ? parse_basic(*token) : std::nullopt;
  if (!basic) return Failure<HttpResponse>(invalid_client());
  if (id != nullptr && *id != basic->id) {
    return Failure<HttpResponse>(
        oauth_error(400, "invalid_request", "client_id is not the client that authenticates"));
  }
  return Presented{std::move(basic->id), std::move(basic->secret)};
}

bool is_right(const OauthClient* client, const std::optional<std::string>& secret) {
  if (client == nullptr) return false;
  if (!client->bot) return !secret || secret->empty();
  return secret && equal_secrets(sha256(*secret), client->bot->secret_hash);
}

}  // namespace

Result<const OauthClient*, HttpResponse> authenticate_client(const AuthParts& parts,
                                                             const HttpRequest& request, const Form& form) {
  const auto presented = read_credentials(request, form);
  if (!presented) return Failure<HttpResponse>(presented.error());
  const auto* client = parts.config.find_client(presented->id);
  // No bot has an empty secret; an app may send one.
  const bool guessable = presented->secret && !presented->secret->empty();
  const Secret secret{Secret::Kind::of_client, presented->id};
  const auto now = parts.clocks.steady();
  if (guessable) {
    if (const auto wait = parts.throttle.take(secret, request.address, now)) {
      audit({AuditEvent::throttled, "", request.address, presented->id});
      return Failure<HttpResponse>(retry_after(oauth_error(429, "slow_down", "too many attempts"), *wait));
    }
  }
  if (is_right(client, presented->secret)) {
    if (guessable) parts.throttle.succeeded(secret, request.address);
    return client;
  }
  if (guessable) parts.throttle.failed(secret, now);
  audit({AuditEvent::client_login_failed, "", request.address, presented->id});
  return Failure<HttpResponse>(invalid_client());
}

}  // namespace duet
