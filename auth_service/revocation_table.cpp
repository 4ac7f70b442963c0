#include "auth_service/revocation_table.h"

#include <algorithm>
#include <utility>

namespace duet {

namespace {

// `iat` has whole seconds: this one counts as before.
Timestamp next_second(Timestamp now) {
  return std::chrono::floor<std::chrono::seconds>(now) + std::chrono::seconds(1);
}

}  // namespace

RevocationTable::RevocationTable(const sqlite::Connection& connection, std::chrono::milliseconds life)
    : life_(life),
      add_(connection, "add a revocation",
           "INSERT INTO revocations (user, device, before, until) VALUES (?1, ?2, ?3, ?4)"),
      replace_(connection, "replace a revocation",
               "DELETE FROM revocations WHERE user = ?1 AND device IS ?2"),
      replace_all_(connection, "replace revocations", "DELETE FROM revocations WHERE user = ?1"),
      count_(connection, "count revocations", "SELECT count(*) FROM revocations WHERE user = ?1"),
      not_before_(connection, "find revocations",
                  "SELECT max(before) FROM revocations"
                  " WHERE user = ?1 AND (?2 IS NULL OR device IS NULL OR device = ?2)"),
      correct_(connection, "correct revocations",
               "UPDATE revocations SET before = ?3, until = ?4 WHERE user = ?1 AND before > ?2"),
      revokes_(
          connection, "find revocations",
          "SELECT 1 FROM revocations WHERE user = ?1 AND (device IS NULL OR device = ?2) AND before > ?3"),
      live_(connection, "read the revocations",
            "SELECT user, device, before, until FROM revocations WHERE until > ?1 ORDER BY id"),
      forget_over_(connection, "forget old revocations", "DELETE FROM revocations WHERE until <= ?1") {}

Revocation RevocationTable::add(const UserId& user, std::optional<DeviceId> device, Timestamp now) {
  if (device && count(user) >= kMaxPerUser) device.reset();
  // When the last end was in this second too, what was issued since has its `iat` in the next. A clock that
  // was set back does not take one back either.
  const auto before = next_second(std::max(now, not_before(user, device)));
  Revocation made{user, std::move(device), before, before + life_};
  if (made.device) {
    replace_.execute(user, made.device);
  } else {
    replace_all_.execute(user);
  }
  add_.execute(user, made.device, made.before, made.until);
  return made;
}

std::size_t RevocationTable::count(const UserId& user) {
  auto row = count_.query(user);
  return row.next() ? static_cast<std::size_t>(row.number(0)) : 0;
}

Timestamp RevocationTable::not_before(const UserId& user, const std::optional<DeviceId>& device) {
  auto row = not_before_.query(user, device);
  return row.next() ? row.time(0) : Timestamp();  // NULL reads as the epoch
}

void RevocationTable::correct(const UserId& user, Timestamp now, Timestamp latest) {
  const auto before = next_second(now);
  correct_.execute(user, latest, before, Timestamp(before + life_));
}

bool RevocationTable::revokes(const UserId& user, const std::optional<DeviceId>& device,
                              Timestamp issued_at) {
  return revokes_.query(user, device, issued_at).next();
}

void RevocationTable::for_each(Timestamp now, const std::function<void(const Revocation&)>& visit) {
  auto row = live_.query(now);
  while (row.next()) {
    std::optional<DeviceId> device;
    if (!row.null(1)) device = row.name<DeviceId>(1);
    visit({row.name<UserId>(0), std::move(device), row.time(2), row.time(3)});
  }
}

void RevocationTable::forget_over(Timestamp now) {
  forget_over_.execute(now);
}

}  // namespace duet
