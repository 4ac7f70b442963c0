// client/told.h: which messages were told to the application, as far as a client remembers.
#pragma once

#include <cstddef>
#include <map>

#include "protocol/names.h"

namespace duet {

struct Told {
  UserId peer;
  Seq seq;
  MessageId id;

  friend bool operator==(const Told&, const Told&) = default;
};

// The last of each conversation are remembered, to be compared with a store that was restored from a backup:
// as many as one page of its history has.
inline constexpr std::size_t kToldMessages = 200;

using ToldOfPeer = std::map<Seq, MessageId>;

}  // namespace duet
