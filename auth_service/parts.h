// auth_service/parts.h: what the endpoints work with.
#pragma once

#include <chrono>
#include <functional>

#include "auth_service/auth_database.h"
#include "auth_service/config.h"
#include "auth_service/key_ring.h"
#include "auth_service/name_register.h"
#include "auth_service/password.h"
#include "auth_service/revocation.h"
#include "auth_service/throttle.h"
#include "service/health.h"

namespace duet {

struct Clocks {
  std::function<Timestamp()> wall;
  std::function<std::chrono::steady_clock::time_point()> steady;
};
Clocks system_clocks();

// Everything here outlives the endpoints and is thread-safe.
struct AuthParts {
  const AuthConfig& config;
  AuthDatabase& database;
  PasswordHasher& hasher;
  KeyRing& keys;
  LoginThrottle& throttle;
  RevocationSink& sink;
  NameRegister& names;
  Clocks clocks;
  const Health* health = nullptr;  // of the whole service; null: nothing is known against it
};

}  // namespace duet
