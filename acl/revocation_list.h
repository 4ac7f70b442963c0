// acl/revocation_list.h: logins that were ended before their tokens ran out, in memory.
//
// Pure: the caller brings the clock. Not synchronised: one thread owns a list. It holds no more than was
// revoked within the life of a token.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "protocol/names.h"
#include "protocol/service_payload.h"

namespace duet {

class RevocationList {
 public:
  // Entries that are over at `now` are not taken, and all that are over are forgotten when so many have come
  // that it is worth the look. Returns whether the update said anything new.
  bool apply(const RevocationUpdate& update, Timestamp now);
  // Whether a token of this device, issued then, is good no more. O(entries of the user), no allocation.
  bool revokes(const Device& device, Timestamp issued_at) const;
  std::size_t size() const { return size_; }
  void for_each(const std::function<void(const Revocation&)>& visit) const;
  void forget_over(Timestamp now);

 private:
  struct Entry {
    std::optional<DeviceId> device;  // none: all of the user's
    Timestamp before;
    Timestamp until;
  };

  bool add(const Revocation& revocation);

  std::unordered_map<UserId, std::vector<Entry>> by_user_;  // one entry for each device and one for all
  std::size_t size_ = 0;
  std::size_t look_at_ = 1024;  // entries at which forget_over is due
};

}  // namespace duet
