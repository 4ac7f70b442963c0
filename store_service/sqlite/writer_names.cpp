// The names of users: who is known (docs/adr/0025-unknown-recipients.md).
#include <cstdint>

#include "store_service/sqlite/writer.h"

namespace duet::sqlite {
namespace {

// users.known
enum class Known : std::uint8_t { spoken_of, seen, account };

Known known_of(Writer& writer, const UserId& name) {
  const auto key = writer.users.find(name);
  if (!key) return Known::spoken_of;
  Cursor row = writer.find_known.query(*key);
  if (!row.next()) writer.connection.damaged("a user is missing");
  return static_cast<Known>(row.number(0));
}

}  // namespace

bool SqliteTransaction::is_known(const UserId& name) {
  const Step step(*this);
  return known_of(writer_, name) != Known::spoken_of;
}

void SqliteTransaction::note_seen(const UserId& name) {
  const Step step(*this);
  if (known_of(writer_, name) == Known::spoken_of) {
    writer_.set_known.execute(user(name), static_cast<std::uint64_t>(Known::seen));
  }
}

void SqliteTransaction::note_account(const UserId& name) {
  const Step step(*this);
  if (known_of(writer_, name) != Known::account) {
    writer_.set_known.execute(user(name), static_cast<std::uint64_t>(Known::account));
  }
}

bool SqliteTransaction::claim_name(const UserId& name, Timestamp now) {
  const Step step(*this);
  const auto known = known_of(writer_, name);
  if (known == Known::seen) return false;
  const auto key = writer_.users.find(name);
  if (key &&
      (writer_.conversations.changed_one_of(*key) || writer_.find_conversation_of.query(*key).next())) {
    return false;
  }
  if (known != Known::account) {
    writer_.set_known.execute(user(name), static_cast<std::uint64_t>(Known::account));
  }
  writer_.add_claim.execute(user(name), now);
  if (writer_.claims_known) writer_.claims.insert_or_assign(name, now);
  return true;
}

// Asked for every message, and changed by a sign-up alone.
std::optional<Timestamp> SqliteTransaction::claimed_at(const UserId& name) {
  const Step step(*this);
  const auto& all = claims();
  if (all.empty()) return std::nullopt;
  const auto found = all.find(name);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

const std::unordered_map<UserId, Timestamp>& SqliteTransaction::claims() {
  if (!writer_.claims_known) {
    writer_.claims.clear();
    Cursor row = writer_.find_claims.query();
    while (row.next()) writer_.claims.emplace(row.name<UserId>(0), row.time(1));
    writer_.claims_known = true;
  }
  return writer_.claims;
}

void SqliteTransaction::tidy_claims(Timestamp now) {
  const Step step(*this);
  const auto forgotten = writer_.forget_claims.execute(Timestamp(now - kClaimsKept));
  const auto corrected = writer_.correct_claims.execute(now);
  if (forgotten + corrected > 0) writer_.claims_known = false;
}

std::uint64_t SqliteTransaction::accounts_through() {
  const Step step(*this);
  Cursor row = writer_.find_accounts_through.query();
  if (!row.next()) writer_.connection.damaged("the row of meta is missing");
  return row.number(0);
}

void SqliteTransaction::set_accounts_through(std::uint64_t number) {
  const Step step(*this);
  writer_.set_accounts_through.execute(number);
}

}  // namespace duet::sqlite
