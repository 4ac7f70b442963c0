// auth_service/auth_service.h: the parts of `duet-auth serve`, put together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "auth_service/auth_database.h"
#include "auth_service/config.h"
#include "auth_service/http_server.h"
#include "auth_service/key_ring.h"
#include "auth_service/parts.h"
#include "auth_service/password.h"
#include "auth_service/revocation.h"
#include "auth_service/throttle.h"

namespace duet {

// Serves while it lives. `config`, `database`, `sink` and `health` must outlive it.
class AuthService {
 public:
  // `on_broken`: see HttpServer. Throws, saying why, when a part cannot be had, and when an account has the
  // name of a bot's user.
  AuthService(const AuthConfig& config, AuthDatabase& database, RevocationSink& sink, NameRegister& names,
              Clocks clocks, std::function<void()> on_broken, const Health* health = nullptr);

  std::uint16_t port() const { return server_.port(); }
  const PasswordHasher& hasher() const { return hasher_; }

 private:
  void keep_house(const std::stop_token& stop);
  void attempt(std::size_t chore, const std::function<void()>& work);

  AuthDatabase& database_;
  PasswordHasher hasher_;
  KeyRing keys_;
  LoginThrottle throttle_;
  const AuthParts parts_;
  HttpServer server_;
  std::array<std::string, 2>
      told_;                  // of each of the housekeeper's chores, why it failed the last time; its own
  std::jthread housekeeper_;  // reads the key directory again and forgets what is over
};

}  // namespace duet
