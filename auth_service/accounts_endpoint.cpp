#include "auth_service/accounts_endpoint.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth_service/audit.h"
#include "auth_service/bearer.h"
#include "auth_service/login.h"
#include "protocol/json_fields.h"
#include "protocol/probe_names.h"

namespace duet {
namespace {

HttpResponse no_content() {
  HttpResponse response;
  response.status = 204;
  return response;
}

HttpResponse malformed(std::string_view title) {
  return problem(400, "malformed", title);
}

template <std::size_t N>
Result<std::vector<JsonField>, HttpResponse> read_json(const HttpRequest& request,
                                                       const std::array<std::string_view, N>& names) {
  if (!has_media_type(request, "application/json")) {
    return Failure<HttpResponse>(problem(415, "unsupported_media_type", "The body is not application/json"));
  }
  auto fields = parse_json_fields(request.body, names);
  if (!fields) return Failure<HttpResponse>(malformed("The body is not a JSON object"));
  return *std::move(fields);
}

const std::string* text_of(const JsonField& field) {
  return std::get_if<std::string>(&field);
}

HttpResponse throttled(std::chrono::milliseconds wait) {
  return retry_after(problem(429, "too_many_attempts", "Too many attempts"), wait);
}

HttpResponse busy() {
  return retry_after(problem(503, "busy", "Too many passwords are being checked"), kBusyWait);
}

HttpResponse name_taken() {
  return problem(409, "username_taken", "The user name is taken");
}

// The new owner would read messages that were meant for another person.
HttpResponse name_used() {
  return problem(409, "username_used", "The user name was used before, without an account");
}

HttpResponse cannot_ask() {
  return retry_after(problem(503, "unavailable", "The message store does not answer"), kBusyWait);
}

HttpResponse bad_password() {
  return problem(422, "password_unusable",
                 "A password has 8 to 1024 bytes of UTF-8 and no control characters");
}

// Who asks with his own password, or what to answer him.
Result<Account, HttpResponse> check_owner(const AuthParts& parts, const HttpRequest& request,
                                          const UserId& user, const std::string& password) {
  auto account =
      check_login(parts, {user, password, request.address, "", Secret::Kind::password_beside_token});
  if (account) return *std::move(account);
  switch (account.error().cause) {
    case LoginRefusal::Cause::throttled:
      return Failure<HttpResponse>(throttled(account.error().wait));
    case LoginRefusal::Cause::busy:
      return Failure<HttpResponse>(busy());
    case LoginRefusal::Cause::wrong:
      break;
  }
  return Failure<HttpResponse>(problem(403, "wrong_password", "The password is wrong"));
}

// Between the check of the password and the change, the password was changed.
HttpResponse changed_meanwhile() {
  return problem(409, "changed_meanwhile", "The account was changed at the same time");
}

bool is_bots(const AuthConfig& config, const UserId& user) {
  return std::any_of(config.clients.begin(), config.clients.end(),
                     [&user](const OauthClient& client) { return client.bot && client.bot->user == user; });
}

}  // namespace

HttpResponse answer_sign_up(const AuthParts& parts, const HttpRequest& request) {
  static constexpr std::array<std::string_view, 2> kNames{"username", "password"};
  const auto fields = read_json(request, kNames);
  if (!fields) return fields.error();
  const auto* name = text_of((*fields)[0]);
  const auto* text = text_of((*fields)[1]);
  if (name == nullptr || text == nullptr) return malformed("username or password is missing");
  const auto user = UserId::parse(*name);
  if (!user) return problem(422, "username_unusable", "The user name is outside the grammar");
  const auto password = Password::parse(*text);
  if (!password) return bad_password();
  if (const auto wait = parts.throttle.take_address(request.address, parts.clocks.steady())) {
    audit({AuditEvent::throttled, *user, request.address, ""});
    return throttled(*wait);
  }
  const auto hash = parts.hasher.hash(*password);
  if (!hash) return busy();
  if (is_probe(*user) || is_bots(parts.config, *user) || parts.database.has_name(*user)) return name_taken();
  const auto claim = parts.names.claim(*user);
  if (claim == Claim::used) return name_used();
  if (claim == Claim::unavailable) return cannot_ask();
  if (!parts.database.add_account(*user, *hash)) return name_taken();
  audit({AuditEvent::account_made, *user, request.address, ""});
  return json_response(201, {{"username", user->str()}});
}

HttpResponse answer_change_password(const AuthParts& parts, const HttpRequest& request) {
  static constexpr std::array<std::string_view, 2> kNames{"old_password", "new_password"};
  const auto who = authenticate_bearer(parts, request);
  if (!who) return who.error();
  const auto fields = read_json(request, kNames);
  if (!fields) return fields.error();
  const auto* old_text = text_of((*fields)[0]);
  const auto* new_text = text_of((*fields)[1]);
  if (old_text == nullptr || new_text == nullptr) return malformed("old_password or new_password is missing");
  const auto new_password = Password::parse(*new_text);
  if (!new_password) return bad_password();
  const auto account = check_owner(parts, request, who->user, *old_text);
  if (!account) return account.error();
  const auto hash = parts.hasher.hash(*new_password);
  if (!hash) return busy();
  const auto revocation = parts.database.change_password(*account, *hash);
  if (!revocation) return changed_meanwhile();
  audit({AuditEvent::password_changed, who->user, request.address, ""});
  parts.sink.revoked(*revocation);
  return no_content();
}

HttpResponse answer_remove_account(const AuthParts& parts, const HttpRequest& request) {
  static constexpr std::array<std::string_view, 1> kNames{"password"};
  const auto who = authenticate_bearer(parts, request);
  if (!who) return who.error();
  const auto fields = read_json(request, kNames);
  if (!fields) return fields.error();
  const auto* password = text_of((*fields)[0]);
  if (password == nullptr) return malformed("password is missing");
  const auto account = check_owner(parts, request, who->user, *password);
  if (!account) return account.error();
  const auto revocation = parts.database.remove_account(*account);
  if (!revocation) return changed_meanwhile();
  audit({AuditEvent::account_removed, who->user, request.address, ""});
  parts.sink.revoked(*revocation);
  return no_content();
}

HttpResponse answer_logout(const AuthParts& parts, const HttpRequest& request) {
  static constexpr std::array<std::string_view, 2> kNames{"device", "everything"};
  const auto who = authenticate_bearer(parts, request);
  if (!who) return who.error();
  const auto fields = read_json(request, kNames);
  if (!fields) return fields.error();
  const auto* device_text = text_of((*fields)[0]);
  const auto* everything = std::get_if<bool>(&(*fields)[1]);
  const bool both_or_none = (device_text != nullptr) == (everything != nullptr);
  if (both_or_none || (everything != nullptr && !*everything)) {
    return malformed("It must be either device or \"everything\": true");
  }
  const auto device = device_text != nullptr ? DeviceId::parse(*device_text) : std::nullopt;
  if (device_text != nullptr && !device) return malformed("device is not a device name");
  const auto revocation =
      device ? parts.database.end_device(who->user, *device) : parts.database.end_everything(who->user);
  audit({AuditEvent::logout, who->user, request.address, ""});
  parts.sink.revoked(revocation);
  return no_content();
}

}  // namespace duet
