// auth_service/family_table.h: the families of refresh tokens. Only for auth_database.cpp, which owns the
// transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "auth_service/refresh_token.h"
#include "sqlite/connection.h"

namespace duet {

class FamilyTable {
 public:
  explicit FamilyTable(const sqlite::Connection& connection);

  std::optional<Family> find(std::string_view id);
  // Account, client, device, times and `current` of `family`.
  void add(std::string_view id, const Family& family);
  // The current token becomes the previous one.
  void rotate(std::string_view id, std::string_view current, std::string_view salt, Timestamp now,
              Timestamp idle_ends);
  void set_idle_ends(std::string_view id, Timestamp idle_ends);

  void end(std::string_view id);
  void end_all(std::string_view user);
  void end_device(std::string_view user, const DeviceId& device);
  // Those that have no device. False: there was none.
  bool end_unbound(std::string_view user);
  // Keeps the `keep` families of the account that end last.
  void trim(std::int64_t account, std::size_t keep);
  void forget_over(Timestamp now);

 private:
  sqlite::Statement find_;
  sqlite::Statement add_;
  sqlite::Statement rotate_;
  sqlite::Statement set_idle_ends_;
  sqlite::Statement end_;
  sqlite::Statement end_all_;
  sqlite::Statement end_device_;
  sqlite::Statement end_unbound_;
  sqlite::Statement trim_;
  sqlite::Statement forget_over_;
};

}  // namespace duet
