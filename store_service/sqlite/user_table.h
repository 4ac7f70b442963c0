// store_service/sqlite/user_table.h: the names of `users` and their keys, the last used of them kept.
//
// A stored name never changes. Used by one thread at a time.
#pragma once

#include <optional>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/lru_cache.h"

namespace duet::sqlite {

class UserTable {
 public:
  UserTable(const Connection& connection, std::size_t capacity);

  // Returns nullopt for a user the database does not know.
  std::optional<UserKey> find(const UserId& name);
  // Throws StoreError for a key that is not there: every key in the database has its row.
  UserId name(UserKey key);

  // The writer has created the row; forget it again when the transaction is rolled back.
  void remember(const UserId& name, UserKey key);
  void forget(const UserId& name) { keys_.erase(name); }

 private:
  const Connection& connection_;
  Statement find_key_;
  Statement find_name_;
  LruCache<UserId, UserKey> keys_;
  LruCache<UserKey, UserId> names_;
};

}  // namespace duet::sqlite
