#include "store_service/sqlite/user_table.h"

namespace duet::sqlite {

UserTable::UserTable(const Connection& connection, std::size_t capacity)
    : connection_(connection),
      find_key_(connection, "find a user", "SELECT id FROM users WHERE name = ?1"),
      find_name_(connection, "find a user's name", "SELECT name FROM users WHERE id = ?1"),
      keys_(capacity),
      names_(capacity) {}

std::optional<UserKey> UserTable::find(const UserId& name) {
  if (const UserKey* known = keys_.find(name)) return *known;
  Cursor row = find_key_.query(name);
  if (!row.next()) return std::nullopt;
  const auto key = row.key<UserKey>(0);
  remember(name, key);
  return key;
}

UserId UserTable::name(UserKey key) {
  if (const UserId* known = names_.find(key)) return *known;
  Cursor row = find_name_.query(key);
  if (!row.next()) {
    connection_.damaged("user " + std::to_string(static_cast<std::int64_t>(key)) + " is missing");
  }
  auto name = row.name<UserId>(0);
  names_.insert(key, name);
  names_.trim();
  return name;
}

void UserTable::remember(const UserId& name, UserKey key) {
  keys_.insert(name, key);
  keys_.trim();
}

}  // namespace duet::sqlite
