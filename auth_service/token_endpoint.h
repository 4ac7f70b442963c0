// auth_service/token_endpoint.h: POST /oauth/token (RFC 6749 3.2) and POST /oauth/revoke (RFC 7009).
//
//   grant_type=password            username, password, device?   for apps (public clients)
//   grant_type=refresh_token       refresh_token                 for apps
//   grant_type=client_credentials  device?                       for bots (confidential clients)
//
// `device` binds the access tokens, those of later refreshes too, to that one device. The only scope is
// `chat`. Functions of the request and the parts; thread-safe.
#pragma once

#include "auth_service/http.h"
#include "auth_service/parts.h"

namespace duet {

HttpResponse answer_token(const AuthParts& parts, const HttpRequest& request);
HttpResponse answer_revoke(const AuthParts& parts, const HttpRequest& request);

}  // namespace duet
