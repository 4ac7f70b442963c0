// auth_service/router.h: which function answers a request. Thread-safe.
#pragma once

#include "auth_service/http.h"
#include "auth_service/parts.h"

namespace duet {

inline constexpr std::size_t kMaxBodyBytes = std::size_t{16} * 1024;

// 404 and 405 are answered here. Throws what the database or OpenSSL throws.
HttpResponse answer(const AuthParts& parts, const HttpRequest& request);

}  // namespace duet
