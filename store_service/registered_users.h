// store_service/registered_users.h: who has a push registration, as the push bridge has told
// (docs/adr/0029-push-users.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "protocol/push_payload.h"

namespace duet {

// One set of users, the newest. Thread-safe: Paho's thread puts, the push feed's thread asks.
class RegisteredUsers {
 public:
  // Beyond it the set is given up: then nothing is left out of the feed.
  static constexpr std::size_t kMaxUsers = 1'000'000;

  // A page that does not follow the one before has no effect: the bridge sees in the answers to its asks that
  // the store does not have the set.
  void put(const PushUsers& page);

  // Removes the events that concern nobody in the set, and says how much of it was known. Returns nullopt and
  // removes nothing when `asked` is not known as a whole.
  std::optional<PushUsersTold> keep_only(const PushUsersTold& asked, std::vector<PushEvent>& events) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  PushUsersTold told_;
  std::unordered_set<std::uint64_t> users_;  // hashes of names: two with the same make an event too many
};

}  // namespace duet
