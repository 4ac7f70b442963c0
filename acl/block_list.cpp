#include "acl/block_list.h"

namespace duet {

void BlockList::apply(const BlockUpdate& update) {
  if (update.reset) blocked_by_.clear();
  for (const auto& block : update.add) add(block);
  for (const auto& block : update.remove) remove(block);
}

void BlockList::add(const Block& block) {
  blocked_by_[block.blocker].insert(block.blocked);
}

void BlockList::remove(const Block& block) {
  const auto entry = blocked_by_.find(block.blocker);
  if (entry == blocked_by_.end()) return;
  entry->second.erase(block.blocked);
  if (entry->second.empty()) blocked_by_.erase(entry);
}

bool BlockList::blocks(const UserId& blocker, const UserId& blocked) const {
  const auto entry = blocked_by_.find(blocker);
  return entry != blocked_by_.end() && entry->second.contains(blocked);
}

std::size_t BlockList::size() const {
  std::size_t count = 0;
  for (const auto& [blocker, blocked] : blocked_by_) count += blocked.size();
  return count;
}

}  // namespace duet
