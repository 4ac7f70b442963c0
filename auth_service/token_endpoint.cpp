#include "auth_service/token_endpoint.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "auth_service/audit.h"
#include "auth_service/client_authentication.h"
#include "auth_service/login.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr const char* kFormType = "application/x-www-form-urlencoded";

// One request of one client that is known.
struct Grant {
  const AuthParts& parts;
  const HttpRequest& request;
  const Form& form;
  const OauthClient& client;
};

HttpResponse invalid_request(std::string_view why) {
  return oauth_error(400, "invalid_request", why);
}

HttpResponse invalid_grant(std::string_view why) {
  return oauth_error(400, "invalid_grant", why);
}

struct Bearer {
  UserId user;
  std::optional<DeviceId> device;
  Timestamp issued_at;
  std::optional<std::string> refresh_token;
};

// RFC 6749 5.1.
HttpResponse token_response(const AuthParts& parts, const Bearer& bearer) {
  const auto& config = parts.config;
  const TokenSpec spec{.issuer = config.tokens.issuer,
                       .audience = config.tokens.audience,
                       .role = Role::chat,
                       .subject = bearer.user.str(),
                       .device = bearer.device,
                       .issued_at = bearer.issued_at,
                       .expires_at = bearer.issued_at + config.sessions.access_ttl};
  json body{{"access_token", parts.keys.keys()->signer.sign(spec)},
            {"token_type", "Bearer"},
            {"expires_in", config.sessions.access_ttl.count()},
            {"scope", to_string(Role::chat)}};
  if (bearer.refresh_token) body["refresh_token"] = *bearer.refresh_token;
  return json_response(200, body).with("Pragma", "no-cache");
}

// The device that the token shall be bound to. The error is the answer.
Result<std::optional<DeviceId>, HttpResponse> read_device(const Form& form) {
  const auto* text = form.find("device");
  if (text == nullptr) return std::optional<DeviceId>();
  auto device = DeviceId::parse(*text);
  if (!device) return Failure<HttpResponse>(invalid_request("device is not a device name"));
  return device;
}

HttpResponse refusal_response(const LoginRefusal& refusal) {
  switch (refusal.cause) {
    case LoginRefusal::Cause::throttled:
      return retry_after(oauth_error(429, "slow_down", "too many attempts"), refusal.wait);
    case LoginRefusal::Cause::busy:
      return retry_after(oauth_error(503, "temporarily_unavailable", "try again soon"), refusal.wait);
    case LoginRefusal::Cause::wrong:
      break;
  }
  return invalid_grant("the user name or the password is wrong");
}

HttpResponse grant_password(const Grant& grant) {
  if (grant.client.bot) return oauth_error(400, "unauthorized_client", "this client has no users");
  const auto* user = grant.form.find("username");
  const auto* password = grant.form.find("password");
  if (user == nullptr || password == nullptr) return invalid_request("username or password is missing");
  const auto device = read_device(grant.form);
  if (!device) return device.error();
  const Attempt attempt{*user, *password, grant.request.address, grant.client.id};
  const auto account = check_login(grant.parts, attempt);
  if (!account) return refusal_response(account.error());
  auto session = grant.parts.database.start_session(*account, grant.client.id, *device);
  if (!session) {  // the password was changed meanwhile
    audit({AuditEvent::login_failed, *user, grant.request.address, grant.client.id});
    return refusal_response({LoginRefusal::Cause::wrong});
  }
  audit({AuditEvent::login_ok, *user, grant.request.address, grant.client.id});
  return token_response(grant.parts, {session->user, std::move(session->device), session->issued_at,
                                      std::move(session->refresh_token)});
}

HttpResponse grant_refresh(const Grant& grant) {
  if (grant.client.bot) return oauth_error(400, "unauthorized_client", "this client has no refresh tokens");
  const auto* token = grant.form.find("refresh_token");
  if (token == nullptr) return invalid_request("refresh_token is missing");
  auto session = grant.parts.database.refresh(*token, grant.client.id);
  if (session) {
    if (session->late_repeat) {
      audit({AuditEvent::refresh_repeated, session->user, grant.request.address, grant.client.id});
    }
    grant.parts.throttle.succeeded({Secret::Kind::password, session->user}, grant.request.address);
    return token_response(grant.parts, {session->user, std::move(session->device), session->issued_at,
                                        std::move(session->refresh_token)});
  }
  const auto& none = session.error();
  const auto event = none.revocation ? AuditEvent::refresh_reused : AuditEvent::refresh_failed;
  audit({event, none.user ? std::string_view(*none.user) : "", grant.request.address, grant.client.id});
  if (none.revocation) grant.parts.sink.revoked(*none.revocation);
  return invalid_grant("the refresh token is not good");
}

HttpResponse grant_client_credentials(const Grant& grant) {
  if (!grant.client.bot) return oauth_error(400, "unauthorized_client", "this client has no user of its own");
  auto device = read_device(grant.form);
  if (!device) return device.error();
  const auto& user = grant.client.bot->user;
  audit({AuditEvent::client_login_ok, user, grant.request.address, grant.client.id});
  const auto issued_at = grant.parts.database.issue_time(user, *device);
  return token_response(grant.parts, {user, *std::move(device), issued_at, std::nullopt});
}

// The parameters that every grant has.
HttpResponse answer_grant(const Grant& grant) {
  const auto* type = grant.form.find("grant_type");
  if (type == nullptr) return invalid_request("grant_type is missing");
  const auto* scope = grant.form.find("scope");
  if (scope != nullptr && *scope != to_string(Role::chat)) {
    return oauth_error(400, "invalid_scope", "the only scope is chat");
  }
  if (*type == "password") return grant_password(grant);
  if (*type == "refresh_token") return grant_refresh(grant);
  if (*type == "client_credentials") return grant_client_credentials(grant);
  return oauth_error(400, "unsupported_grant_type", "it is none of ours");
}

Result<Form, HttpResponse> read_form(const HttpRequest& request) {
  if (!has_media_type(request, kFormType)) {
    return Failure<HttpResponse>(invalid_request("the body is not application/x-www-form-urlencoded"));
  }
  auto form = Form::parse(request.body);
  if (!form) return Failure<HttpResponse>(invalid_request(form.error()));
  return *std::move(form);
}

}  // namespace

HttpResponse answer_token(const AuthParts& parts, const HttpRequest& request) {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto client = authenticate_client(parts, request, *form);
  if (!client) return client.error();
  return answer_grant({parts, request, *form, **client});
}

HttpResponse answer_revoke(const AuthParts& parts, const HttpRequest& request) {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto client = authenticate_client(parts, request, *form);
  if (!client) return client.error();
  const auto* token = form->find("token");
  if (token == nullptr) return invalid_request("token is missing");
  // An access token (a JWS has dots) ends with its login. RFC 7009 2.2.1.
  if (token->find('.') != std::string::npos) {
    return oauth_error(400, "unsupported_token_type", "show the refresh token of the login");
  }
  const auto ended = parts.database.end_session(*token, (*client)->id);
  if (!ended && ended.error() == EndError::other_client) return invalid_grant("it is another client's");
  if (ended) {
    audit({AuditEvent::revoked, ended->user, request.address, (*client)->id});
    parts.sink.revoked(*ended);
  }
  return {};  // also when nobody knows the token (RFC 7009 2.2)
}

}  // namespace duet
