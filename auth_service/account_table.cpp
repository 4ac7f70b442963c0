#include "auth_service/account_table.h"

namespace duet {

AccountTable::AccountTable(const sqlite::Connection& connection)
    : find_(connection, "find an account",
            "SELECT id, user, version, password FROM accounts WHERE user = ?1 AND password IS NOT NULL"),
      add_(connection, "add an account",
           "INSERT INTO accounts (user, password, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"),
      has_name_(connection, "find a name", "SELECT 1 FROM accounts WHERE user = ?1"),
      after_(connection, "list accounts",
             "SELECT id, user, password IS NULL FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2"),
      is_still_(connection, "find an account", "SELECT 1 FROM accounts WHERE id = ?1 AND version = ?2"),
      set_hash_(connection, "hash a password anew",
                "UPDATE accounts SET password = ?3 WHERE id = ?1 AND version = ?2"),
      set_password_(
          connection, "change a password",
          "UPDATE accounts SET password = ?3, version = version + 1 WHERE id = ?1 AND version = ?2"),
      remove_(connection, "remove an account",
              "UPDATE accounts SET password = NULL, version = version + 1 WHERE id = ?1 AND version = ?2") {}

std::optional<Account> AccountTable::find(std::string_view user) {
  auto row = find_.query(user);
  if (!row.next()) return std::nullopt;
  return Account{row.integer(0), row.name<UserId>(1), row.integer(2), std::string(row.text(3))};
}

bool AccountTable::add(const UserId& user, std::string_view password_hash, Timestamp now) {
  return add_.execute(user, password_hash, now) == 1;
}

bool AccountTable::has_name(const UserId& user) {
  return has_name_.query(user).next();
}

AccountTable::Page AccountTable::after(std::uint64_t after, std::size_t limit) {
  Page page{{}, after};
  auto row = after_.query(after, limit);
  while (row.next()) {
    page.through = row.number(0);
    if (row.integer(2) == 0) page.users.push_back(row.name<UserId>(1));
  }
  return page;
}

bool AccountTable::is_still(const Account& read) {
  return is_still_.query(read.id, read.version).next();
}

bool AccountTable::set_hash(const Account& read, std::string_view hash) {
  return set_hash_.execute(read.id, read.version, hash) == 1;
}

bool AccountTable::set_password(const Account& read, std::string_view hash) {
  return set_password_.execute(read.id, read.version, hash) == 1;
}

bool AccountTable::remove(const Account& read) {
  return remove_.execute(read.id, read.version) == 1;
}

}  // namespace duet
