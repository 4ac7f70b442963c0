#include "client/typing_peers.h"

#include <algorithm>

namespace duet {

bool TypingPeers::said(const UserId& peer, bool typing, SteadyTime now) {
  if (!typing) return until_.erase(peer) > 0;
  return until_.insert_or_assign(peer, now + kTypingExpiry).second;
}

std::vector<UserId> TypingPeers::expired(SteadyTime now) {
  std::vector<UserId> peers;
  for (const auto& [peer, until] : until_) {
    if (until <= now) peers.push_back(peer);
  }
  for (const UserId& peer : peers) until_.erase(peer);
  return peers;
}

std::vector<UserId> TypingPeers::forget() {
  std::vector<UserId> peers;
  for (const auto& [peer, until] : std::exchange(until_, {})) peers.push_back(peer);
  return peers;
}

std::optional<SteadyTime> TypingPeers::next_time() const {
  std::optional<SteadyTime> next;
  for (const auto& [peer, until] : until_) next = earlier(next, until);
  return next;
}

}  // namespace duet
