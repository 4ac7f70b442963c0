// client/marks.h: what a client remembers of one conversation.
#pragma once

#include "protocol/names.h"

namespace duet {

// All cumulative: they only rise, unless the store was restored from a backup.
struct PeerMarks {
  Seq seen = 0;              // every message up to here has been told to the application
  Seq delivered = 0;         // of the peer's messages: what the store knows that I have
  Seq read = 0;              // and have read
  Seq delivered_wanted = 0;  // what the store shall know
  Seq read_wanted = 0;
  Seq peer_delivered = 0;  // of my messages: what the peer has
  Seq peer_read = 0;

  friend bool operator==(const PeerMarks&, const PeerMarks&) = default;
};

}  // namespace duet
