// auth_service/revocation.h: the end of logins before their access tokens have run out.
//
// An access token is verified offline, so it is good until `exp` unless the verifier was told of its end. A
// login is ended by a revoked refresh token (RFC 7009), a logout, a refresh token that came twice, a changed
// password and a removed account.
#pragma once

#include "protocol/service_payload.h"

namespace duet {

// `before` of a revocation (protocol/service_payload.h) is a whole second, as `iat` is, and no token that the
// service issues afterwards has an earlier `iat`: a login right after a revocation counts.

// Who tells the verifiers. Called by any worker thread after the commit. Must not throw and must not block:
// what cannot be told now is told later by the implementation.
class RevocationSink {
 public:
  virtual ~RevocationSink() = default;
  virtual void revoked(const Revocation& revocation) = 0;
};

}  // namespace duet
