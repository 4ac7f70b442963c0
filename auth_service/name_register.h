// auth_service/name_register.h: is a name free to sign up with? docs/adr/0025-unknown-recipients.md
#pragma once

#include <cstdint>

#include "protocol/names.h"

namespace duet {

enum class Claim : std::uint8_t {
  free,         // from now on messages to the name are for the account that is about to be made
  used,         // there are messages under the name, or it is used without an account
  unavailable,  // the store did not answer
};

// Thread-safe.
class NameRegister {
 public:
  virtual ~NameRegister() = default;
  // Blocks for a few seconds at most.
  virtual Claim claim(const UserId& user) = 0;
};

// Where there is no store to ask.
class EveryNameIsFree final : public NameRegister {
 public:
  Claim claim(const UserId& /*user*/) override { return Claim::free; }
};

}  // namespace duet
