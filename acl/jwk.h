// acl/jwk.h: one verification key of a JwkSet. Only for acl's own .cpp files.
#pragma once

#include <string>

#include "acl/public_key.h"
#include "acl/token.h"

namespace duet {

struct JwkSet::Key {
  std::string key_id;  // empty: the key has none
  PublicKey key;
};

}  // namespace duet
