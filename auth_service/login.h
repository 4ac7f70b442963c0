// auth_service/login.h: is this the password of that account? Thread-safe.
//
// Whoever asks learns nothing else: a name that nobody has, one outside the grammar and a removed account are
// throttled, cost as many Argon2 computations and are answered as a wrong password is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "auth_service/account_table.h"
#include "auth_service/http.h"
#include "auth_service/parts.h"
#include "auth_service/throttle.h"
#include "protocol/result.h"
#include "service/address.h"

namespace duet {

struct LoginRefusal {
  enum class Cause : std::uint8_t {
    wrong,
    throttled,  // nothing was computed
    busy,       // the same: too many passwords are being checked
  } cause;
  std::chrono::milliseconds wait{};  // until another attempt makes sense, unless wrong
};

struct Attempt {
  std::string_view user;
  std::string_view password;
  IpAddress address;
  std::string_view client;  // empty: none
  Secret::Kind kind = Secret::Kind::password;
};

// Checks, counts one attempt and writes the audit line of a failure. A password is tried in its one form
// (Password::parse) and, if that differs and is wrong, as it came. A right password that was hashed at
// another cost, or as it came, is hashed again.
Result<Account, LoginRefusal> check_login(const AuthParts& parts, const Attempt& attempt);

constexpr std::chrono::seconds kBusyWait{1};

}  // namespace duet
