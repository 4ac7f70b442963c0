// auth_service/accounts_endpoint.h: accounts and logout, JSON over /v1.
//
//   POST   /v1/accounts              {"username", "password"}            201 | 409 username_taken,
//   username_used PUT    /v1/accounts/me/password  {"old_password", "new_password"}    204, and every login
//   ends DELETE /v1/accounts/me           {"password"}                        204, and the name stays taken
//   POST   /v1/logout                {"device"} or {"everything": true}  204
//
// The end of a device's logins is that of those without a device too. All but the first are authorized by an
// access token (RFC 6750 2.1). Errors are problem+json (RFC 9457). That a name is taken is the one thing that
// anybody can learn about accounts, and only by signing up, which is throttled. A name that has
// messages is refused: the store is asked, and while it is away no account is made. Functions of the request
// and the parts; thread-safe.
#pragma once

#include "auth_service/http.h"
#include "auth_service/parts.h"

namespace duet {

HttpResponse answer_sign_up(const AuthParts& parts, const HttpRequest& request);
HttpResponse answer_change_password(const AuthParts& parts, const HttpRequest& request);
HttpResponse answer_remove_account(const AuthParts& parts, const HttpRequest& request);
HttpResponse answer_logout(const AuthParts& parts, const HttpRequest& request);

}  // namespace duet
