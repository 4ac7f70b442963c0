// auth_service/client_authentication.h: which client sends this request (RFC 6749 2.3 and 3.2.1).
#pragma once

#include "auth_service/form.h"
#include "auth_service/http.h"
#include "auth_service/parts.h"
#include "protocol/result.h"

namespace duet {

// A public client by its `client_id`, a confidential one by HTTP Basic or by `client_id` and `client_secret`.
// The error is the answer: invalid_request, or invalid_client, which is the same for a client that does not
// exist and for a wrong secret. Secrets are throttled as passwords are, but for the
// empty one, which is nobody's. The pointer is never null.
Result<const OauthClient*, HttpResponse> authenticate_client(const AuthParts& parts,
                                                             const HttpRequest& request, const Form& form);

}  // namespace duet
