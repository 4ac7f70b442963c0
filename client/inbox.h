// client/inbox.h: puts the messages of every conversation in the order of seq, each once.
//
// What arrives too early is held until the hole before it is filled. Pure; not synchronised.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "protocol/envelope.h"
#include "protocol/names.h"

namespace duet {

class Inbox {
 public:
  // At most that many messages are held; more are forgotten, and come again when the hole is filled.
  static constexpr std::size_t kMaxHeld = 2'000;

  // All messages up to this seq have been told.
  void set_seen(const UserId& peer, Seq seen) { conversations_[peer].seen = seen; }
  Seq seen(const UserId& peer) const;
  // The store has another history: what is held, and how far it went, counts no more.
  void rewind(const UserId& peer, Seq seen);

  // A message of the conversation with `peer`, from either side. Returns what can be told now, in order:
  // nothing when it was seen or comes too early, else this one and those that had to wait for it.
  std::vector<Envelope> take(const UserId& peer, const Envelope& envelope);

  // Whether messages are missing before one that arrived.
  bool has_hole(const UserId& peer) const;
  std::vector<UserId> peers_with_holes() const;

  // The store has no message between the last that was seen and `first`. Returns what can be told now.
  std::vector<Envelope> skip_to(const UserId& peer, Seq first);
  // The store has none of the messages that the hole is waiting for. Returns what can be told now.
  std::vector<Envelope> give_up_hole(const UserId& peer);

 private:
  struct Conversation {
    Seq seen = 0;
    Seq highest = 0;  // that ever arrived
    std::map<Seq, Envelope> held;
  };
  std::vector<Envelope> release(Conversation& conversation);

  std::map<UserId, Conversation> conversations_;
  std::size_t held_ = 0;
};

}  // namespace duet
