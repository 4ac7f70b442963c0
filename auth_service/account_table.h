// auth_service/account_table.h: the accounts. Only for auth_database.cpp, which owns the transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"
#include "sqlite/connection.h"

namespace duet {

// An account as it was read. What is done on the strength of a password that was checked against it must find
// the same version again.
struct Account {
  std::int64_t id;
  UserId user;
  std::int64_t version;
  std::string password_hash;
};

class AccountTable {
 public:
  explicit AccountTable(const sqlite::Connection& connection);

  // Nullopt: there is none, or it was removed.
  std::optional<Account> find(std::string_view user);
  // False: the name is or was somebody's.
  bool add(const UserId& user, std::string_view password_hash, Timestamp now);
  bool has_name(const UserId& user);

  // Those that were made after number `after` and not removed, ascending, at most `limit` rows looked at.
  // `through`: the number of the last row that was looked at; `after` when there is none.
  struct Page {
    std::vector<UserId> users;
    std::uint64_t through;
  };
  Page after(std::uint64_t after, std::size_t limit);

  // These change nothing and return false when the account is no more as it was read.
  bool is_still(const Account& read);
  bool set_hash(const Account& read, std::string_view hash);      // of the same password
  bool set_password(const Account& read, std::string_view hash);  // of another one
  bool remove(const Account& read);

 private:
  sqlite::Statement find_;
  sqlite::Statement add_;
  sqlite::Statement has_name_;
  sqlite::Statement after_;
  sqlite::Statement is_still_;
  sqlite::Statement set_hash_;
  sqlite::Statement set_password_;
  sqlite::Statement remove_;
};

}  // namespace duet
