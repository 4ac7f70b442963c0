// protocol/probe_names.h: the users of the platform's own checks (`duet probe`).
#pragma once

#include "protocol/names.h"

namespace duet {

// No account has such a name, and everybody may write to it.
inline bool is_probe(const UserId& user) {
  return user.str().starts_with("duet-probe-");
}

}  // namespace duet
