#include "auth_service/family_table.h"

namespace duet {

using sqlite::Blob;

FamilyTable::FamilyTable(const sqlite::Connection& connection)
    : find_(connection, "find a login",
            "SELECT account, user, client, device, ends, idle_ends, current, previous, salt, rotated "
            "FROM families JOIN accounts ON accounts.id = account WHERE families.id = ?1"),
      add_(connection, "add a login",
           "INSERT INTO families (id, account, client, device, ends, idle_ends, current) "
           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      rotate_(connection, "refresh a login",
              "UPDATE families SET previous = current, current = ?2, salt = ?3, rotated = ?4, idle_ends = ?5 "
              "WHERE id = ?1"),
      set_idle_ends_(connection, "keep a login", "UPDATE families SET idle_ends = ?2 WHERE id = ?1"),
      end_(connection, "end a login", "DELETE FROM families WHERE id = ?1"),
      end_all_(connection, "end logins",
               "DELETE FROM families WHERE account = (SELECT id FROM accounts WHERE user = ?1)"),
      end_device_(connection, "end logins",
                  "DELETE FROM families WHERE account = (SELECT id FROM accounts WHERE user = ?1) "
                  "AND device = ?2"),
      end_unbound_(connection, "end logins",
                   "DELETE FROM families WHERE account = (SELECT id FROM accounts WHERE user = ?1) "
                   "AND device IS NULL"),
      trim_(connection, "end old logins",
            "DELETE FROM families WHERE id IN (SELECT id FROM families WHERE account = ?1 "
            "ORDER BY idle_ends DESC LIMIT -1 OFFSET ?2)"),
      forget_over_(connection, "forget old logins", "DELETE FROM families WHERE idle_ends <= ?1") {}

std::optional<Family> FamilyTable::find(std::string_view id) {
  auto row = find_.query(Blob{id});
  if (!row.next()) return std::nullopt;
  std::optional<DeviceId> device;
  if (!row.null(3)) device = row.name<DeviceId>(3);
  return Family{.account = row.integer(0),
                .user = row.name<UserId>(1),
                .client = std::string(row.text(2)),
                .device = std::move(device),
                .ends = row.time(4),
                .idle_ends = row.time(5),
                .current = std::string(row.blob(6)),
                .previous = std::string(row.blob(7)),
                .salt = std::string(row.blob(8)),
                .rotated = row.time(9)};
}

void FamilyTable::add(std::string_view id, const Family& family) {
  add_.execute(Blob{id}, family.account, family.client, family.device, family.ends, family.idle_ends,
               Blob{family.current});
}

void FamilyTable::rotate(std::string_view id, std::string_view current, std::string_view salt, Timestamp now,
                         Timestamp idle_ends) {
  rotate_.execute(Blob{id}, Blob{current}, Blob{salt}, now, idle_ends);
}

void FamilyTable::set_idle_ends(std::string_view id, Timestamp idle_ends) {
  set_idle_ends_.execute(Blob{id}, idle_ends);
}

void FamilyTable::end(std::string_view id) {
  end_.execute(Blob{id});
}

void FamilyTable::end_all(std::string_view user) {
  end_all_.execute(user);
}

void FamilyTable::end_device(std::string_view user, const DeviceId& device) {
  end_device_.execute(user, device);
}

bool FamilyTable::end_unbound(std::string_view user) {
  return end_unbound_.execute(user) > 0;
}

void FamilyTable::trim(std::int64_t account, std::size_t keep) {
  trim_.execute(account, keep);
}

void FamilyTable::forget_over(Timestamp now) {
  forget_over_.execute(now);
}

}  // namespace duet
