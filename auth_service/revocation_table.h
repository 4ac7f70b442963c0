// auth_service/revocation_table.h: the revocations that some token may still be subject to. Only for
// auth_database.cpp, which owns the transactions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

#include "auth_service/revocation.h"
#include "sqlite/connection.h"

namespace duet {

// One row for each device and one for all of a user; a user has at most kMaxPerUser rows. A user who exceeds
// that is revoked as a whole: his other devices refresh their tokens and come back.
class RevocationTable {
 public:
  static constexpr std::size_t kMaxPerUser = 32;

  // `life`: the longest from a token's `iat` until no verifier takes it any more.
  RevocationTable(const sqlite::Connection& connection, std::chrono::milliseconds life);

  Revocation add(const UserId& user, std::optional<DeviceId> device, Timestamp now);

  // The earliest `iat` of a token, of that device or of any, that no revocation of the user concerns.
  Timestamp not_before(const UserId& user, const std::optional<DeviceId>& device);
  // Those of the user that are later than `latest` get the `before` of one that is added now.
  void correct(const UserId& user, Timestamp now, Timestamp latest);
  bool revokes(const UserId& user, const std::optional<DeviceId>& device, Timestamp issued_at);
  void for_each(Timestamp now, const std::function<void(const Revocation&)>& visit);
  void forget_over(Timestamp now);

 private:
  std::size_t count(const UserId& user);

  const std::chrono::milliseconds life_;
  sqlite::Statement add_;
  sqlite::Statement replace_;
  sqlite::Statement replace_all_;
  sqlite::Statement count_;
  sqlite::Statement not_before_;
  sqlite::Statement correct_;
  sqlite::Statement revokes_;
  sqlite::Statement live_;
  sqlite::Statement forget_over_;
};

}  // namespace duet
