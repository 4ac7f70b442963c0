#include "auth_service/bearer.h"

#include <utility>

namespace duet {
namespace {

Failure<HttpResponse> refused(int status, std::string_view code, std::string_view title) {
  std::string challenge = R"(Bearer realm="duet")";
  if (code != "unauthorized") challenge += R"(, error=")" + std::string(code) + '"';
  return Failure<HttpResponse>(problem(status, code, title).with("WWW-Authenticate", std::move(challenge)));
}

}  // namespace

Result<BearerIdentity, HttpResponse> authenticate_bearer(const AuthParts& parts, const HttpRequest& request) {
  if (request.authorization.empty()) {
    return refused(401, "unauthorized", "This needs an access token");  // no error code: RFC 6750 3.1
  }
  if (request.authorization.size() > 1) {
    return refused(400, "invalid_request", "There is more than one Authorization header");
  }
  const auto token = find_credentials(request.authorization.front(), "Bearer");
  if (!token) return refused(401, "unauthorized", "This needs an access token");
  const auto claims = parts.keys.keys()->verifier.verify(*token, parts.clocks.wall());
  if (!claims) return refused(401, "invalid_token", "The access token is not good");
  if (claims->role != Role::chat) return refused(403, "insufficient_scope", "The token is not a user's");
  auto user = UserId::parse(claims->subject);
  if (!user || parts.database.is_revoked(*user, claims->device, claims->issued_at)) {
    return refused(401, "invalid_token", "The access token is not good");
  }
  return BearerIdentity{*std::move(user), claims->device};
}

}  // namespace duet
