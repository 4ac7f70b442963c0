#include "client/inbox.h"

#include <algorithm>

namespace duet {

Seq Inbox::seen(const UserId& peer) const {
  const auto found = conversations_.find(peer);
  return found == conversations_.end() ? 0 : found->second.seen;
}

void Inbox::rewind(const UserId& peer, Seq seen) {
  auto& conversation = conversations_[peer];
  held_ -= conversation.held.size();
  conversation = {.seen = seen, .highest = seen, .held = {}};
}

std::vector<Envelope> Inbox::take(const UserId& peer, const Envelope& envelope) {
  auto& conversation = conversations_[peer];
  if (envelope.seq <= conversation.seen) return {};
  conversation.highest = std::max(conversation.highest, envelope.seq);
  if (envelope.seq == conversation.seen + 1) {
    conversation.seen = envelope.seq;
    std::vector<Envelope> now{envelope};
    auto more = release(conversation);
    now.insert(now.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return now;
  }
  if (held_ < kMaxHeld && conversation.held.emplace(envelope.seq, envelope).second) ++held_;
  return {};
}

bool Inbox::has_hole(const UserId& peer) const {
  const auto found = conversations_.find(peer);
  return found != conversations_.end() && found->second.highest > found->second.seen;
}

std::vector<UserId> Inbox::peers_with_holes() const {
  std::vector<UserId> peers;
  for (const auto& [peer, conversation] : conversations_) {
    if (conversation.highest > conversation.seen) peers.push_back(peer);
  }
  return peers;
}

std::vector<Envelope> Inbox::skip_to(const UserId& peer, Seq first) {
  auto& conversation = conversations_[peer];
  if (first > conversation.seen + 1) conversation.seen = first - 1;
  return release(conversation);
}

std::vector<Envelope> Inbox::give_up_hole(const UserId& peer) {
  auto& conversation = conversations_[peer];
  const Seq next = conversation.held.empty() ? conversation.highest + 1 : conversation.held.begin()->first;
  return skip_to(peer, next);
}

std::vector<Envelope> Inbox::release(Conversation& conversation) {
  std::vector<Envelope> now;
  auto& held = conversation.held;
  while (!held.empty() && held.begin()->first <= conversation.seen + 1) {
    if (held.begin()->first == conversation.seen + 1) {
      conversation.seen = held.begin()->first;
      now.push_back(std::move(held.begin()->second));
    }
    held.erase(held.begin());
    --held_;
  }
  return now;
}

}  // namespace duet
