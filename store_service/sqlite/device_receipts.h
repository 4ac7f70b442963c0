// store_service/sqlite/device_receipts.h: what the devices with a push registration say they have, as the
// writer notes it (docs/adr/0019-push-feed.md).
//
// Used by the writer's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/lru_cache.h"
#include "store_service/store.h"

namespace duet::sqlite {

// The highest number in the store's log. No table that has it loses its last row to anything but a higher
// one.
inline constexpr std::string_view kLastLogQuery =
    "SELECT max(coalesce((SELECT max(log_number) FROM messages), 0), "
    "coalesce((SELECT max(log_number) FROM receipts), 0), "
    "coalesce((SELECT max(log_number) FROM device_receipts), 0))";

class DeviceReceipts {
 public:
  struct Note {
    LogNumber log_number;
    ConversationKey conversation;
    Side side;
    const DeviceId& device;
    Marks marks;
  };

  // `users`: whose registrations are kept in memory. At most `max_rows` rows stay, or a few more.
  DeviceReceipts(const Connection& connection, std::size_t users, std::size_t max_rows);

  // Whether the device has a push registration. No query for a user who was asked about a short time ago.
  bool registered(UserKey user, const DeviceId& device);
  // Must be called when a device of the user has changed.
  void forget_devices(UserKey user);

  void add(const Note& note);
  // Forgets rows up to `through`, at most `limit`, never the newest. Returns how many.
  std::size_t prune(LogNumber through, std::size_t limit);

  void committed();
  void rolled_back();

 private:
  Statement find_registered_;
  Statement insert_;
  Statement delete_up_to_;
  Statement delete_oldest_;
  LruCache<UserKey, std::vector<DeviceId>> registered_;
  const std::size_t max_rows_;
  std::int64_t rows_;
  std::int64_t committed_rows_;
  bool devices_changed_ = false;  // by the open transaction
};

}  // namespace duet::sqlite
