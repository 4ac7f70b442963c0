// store_service/sqlite/push_reader.h: what the push bridge asks of the store, read from SQLite.
//
// A part of SqliteReader, which gives it a snapshot for each call. Used by one thread at a time.
#pragma once

#include <optional>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/user_table.h"
#include "store_service/store.h"

namespace duet::sqlite {

class PushReader {
 public:
  // Both must outlive it.
  PushReader(const Connection& connection, UserTable& users);

  // As StoreReader::feed.
  Page<PushEvent> feed(LogNumber after, std::size_t limit, std::size_t max_bytes);

  std::optional<Mute> mute(ConversationKey conversation, Side side);
  // Messages that `user` has not read, in conversations neither muted now nor with somebody he has blocked.
  std::uint64_t badge(UserKey user, Timestamp now);

 private:
  PushEvent message_of(const Cursor& row);
  PushEvent receipt_of(const Cursor& row);
  PushEvent device_receipt_of(const Cursor& row);

  UserTable& users_;
  Statement messages_;
  Statement receipts_;
  Statement device_receipts_;
  Statement find_mute_;
  Statement badge_;
};

}  // namespace duet::sqlite
