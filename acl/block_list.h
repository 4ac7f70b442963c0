// acl/block_list.h: who has blocked whom, in memory.
//
// Not synchronised: one thread owns a list.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <unordered_set>

#include "protocol/names.h"
#include "protocol/service_payload.h"

namespace duet {

class BlockList {
 public:
  void apply(const BlockUpdate& update);
  void add(const Block& block);
  void remove(const Block& block);
  // O(1), no allocation.
  bool blocks(const UserId& blocker, const UserId& blocked) const;
  std::size_t size() const;

 private:
  std::unordered_map<UserId, std::unordered_set<UserId>> blocked_by_;
};

}  // namespace duet
