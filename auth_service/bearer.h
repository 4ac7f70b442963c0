// auth_service/bearer.h: who sends this request, by his access token (RFC 6750).
#pragma once

#include "acl/token.h"
#include "auth_service/http.h"
#include "auth_service/parts.h"
#include "protocol/result.h"

namespace duet {

struct BearerIdentity {
  UserId user;
  std::optional<DeviceId> device;
};

// The error is the answer, with WWW-Authenticate as RFC 6750 3 says. A token that was revoked is not good
// here either, though it has not expired.
Result<BearerIdentity, HttpResponse> authenticate_bearer(const AuthParts& parts, const HttpRequest& request);

}  // namespace duet
