#include "auth_service/router.h"

#include <array>
#include <nlohmann/json.hpp>

#include "auth_service/accounts_endpoint.h"
#include "auth_service/token_endpoint.h"

namespace duet {
namespace {

using nlohmann::json;

// For as long may a verifier keep the key set. A new key waits for `keys.activate_after_s`, which is longer
// by default.
constexpr const char* kPublicFor = "public, max-age=60";

HttpResponse public_json(std::string body) {
  HttpResponse response;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.headers = {{"Cache-Control", kPublicFor}};
  return response;
}

HttpResponse answer_jwks(const AuthParts& parts, const HttpRequest& /*request*/) {
  return public_json(parts.keys.keys()->jwk_set);
}

// RFC 8414 2.
HttpResponse answer_metadata(const AuthParts& parts, const HttpRequest& /*request*/) {
  const auto& url = parts.config.tokens.public_url;
  const json methods{"none", "client_secret_basic", "client_secret_post"};
  return public_json(json{
      {"issuer", parts.config.tokens.issuer},
      {"token_endpoint", url + "/oauth/token"},
      {"revocation_endpoint", url + "/oauth/revoke"},
      {"jwks_uri", url + "/.well-known/jwks.json"},
      {"response_types_supported", json::array()},  // there is no authorization endpoint
      {"grant_types_supported", {"password", "refresh_token", "client_credentials"}},
      {"scopes_supported", {"chat"}},
      {"token_endpoint_auth_methods_supported", methods},
      {"revocation_endpoint_auth_methods_supported",
       methods}}.dump());
}

HttpResponse answer_database_health(const AuthParts& parts, const HttpRequest& /*request*/) {
  parts.database.find_account("");  // throws when the database cannot be read
  return json_response(200, {{"status", "ok"}});
}

HttpResponse answer_health_part(const AuthParts& parts, const HttpRequest& request) {
  const auto report = parts.health != nullptr ? parts.health->report() : HealthReport();
  const auto found = answer_health(request.path, report).value();
  HttpResponse response;
  response.status = static_cast<int>(found.status);
  response.content_type = "application/json";
  response.body = found.body;
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

struct Route {
  std::string_view method;
  std::string_view path;
  HttpResponse (*answer)(const AuthParts&, const HttpRequest&);
};

constexpr std::array kRoutes{
    Route{"POST", "/oauth/token", answer_token},
    Route{"POST", "/oauth/revoke", answer_revoke},
    Route{"POST", "/v1/accounts", answer_sign_up},
    Route{"PUT", "/v1/accounts/me/password", answer_change_password},
    Route{"DELETE", "/v1/accounts/me", answer_remove_account},
    Route{"POST", "/v1/logout", answer_logout},
    Route{"GET", "/.well-known/jwks.json", answer_jwks},
    Route{"GET", "/.well-known/oauth-authorization-server", answer_metadata},
    Route{"GET", "/healthz", answer_database_health},
    Route{"GET", "/healthz/live", answer_health_part},
    Route{"GET", "/healthz/ready", answer_health_part},
};

}  // namespace

// No path has two methods.
HttpResponse answer(const AuthParts& parts, const HttpRequest& request) {
  for (const auto& route : kRoutes) {
    if (route.path != request.path) continue;
    const bool head = request.method == "HEAD" && route.method == "GET";
    if (route.method == request.method || head) return route.answer(parts, request);
    return error_at(request.path, 405, "method_not_allowed", "There is another method here")
        .with("Allow", std::string(route.method));
  }
  return error_at(request.path, 404, "not_found", "There is nothing here");
}

}  // namespace duet
