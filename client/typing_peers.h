// client/typing_peers.h: who types, as the peers' `true` and `false` say (docs/protocol.md section 2).
//
// A `true` that is not repeated is over after kTypingExpiry. A state machine without a clock. Not
// synchronised.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "client/retry.h"
#include "protocol/names.h"
#include "protocol/payload.h"

namespace duet {

class TypingPeers {
 public:
  // A peer said so. Returns whether the application is to be told: repeated states are not news.
  bool said(const UserId& peer, bool typing, SteadyTime now);
  // The peers whose `true` is over now.
  std::vector<UserId> expired(SteadyTime now);
  // After a lost connection nothing is known of anybody. Returns those who were typing.
  std::vector<UserId> forget();
  std::optional<SteadyTime> next_time() const;

 private:
  std::map<UserId, SteadyTime> until_;
};

}  // namespace duet
