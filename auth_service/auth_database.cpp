#include "auth_service/auth_database.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "acl/crypto.h"
#include "auth_service/schema.h"
#include "sqlite/transaction.h"

namespace duet {
namespace {

constexpr std::size_t kRotationSaltBytes = 32;

sqlite::Connection open(const std::filesystem::path& file) {
  sqlite::create_private_file(file);
  sqlite::Connection connection(file, sqlite::Connection::Mode::read_write);
  sqlite::check_schema(connection, auth_schema());  // before anything is changed
  connection.use_write_ahead_log();
  connection.execute("open", "PRAGMA synchronous = FULL");  // a commit returns when it is on stable storage
  connection.execute("open", "PRAGMA foreign_keys = ON");
  connection.execute("open", "PRAGMA secure_delete = ON");  // ended logins leave no hashes behind
  sqlite::migrate(connection, auth_schema());
  return connection;
}

// Tokens that were issued with a longer life than today's may still be about.
std::chrono::seconds raise_longest_life(sqlite::Connection& connection, const SessionRules& rules) {
  // Nothing is written when nothing changes: a start needs no room then.
  sqlite::Statement raise(connection, "note the life of tokens",
                          "UPDATE meta SET longest_access_s = ?1 WHERE longest_access_s < ?1");
  raise.execute(rules.access_ttl.count());
  sqlite::Statement read(connection, "read the life of tokens", "SELECT longest_access_s FROM meta");
  auto row = read.query();
  if (!row.next()) connection.damaged("the life of tokens is missing");
  // A second more: `iat` may be that far ahead (revocation.h).
  return std::chrono::seconds(row.integer(0)) + rules.clock_skew + std::chrono::seconds(1);
}

}  // namespace

AuthDatabase::AuthDatabase(const std::filesystem::path& file, SessionRules rules, Clock clock)
    : rules_(rules),
      clock_(std::move(clock)),
      lock_(file),
      connection_(open(file)),
      longest_life_(raise_longest_life(connection_, rules)),
      accounts_(connection_),
      families_(connection_),
      revocations_(connection_, longest_life_) {}

std::optional<Account> AuthDatabase::find_account(std::string_view user) {
  const std::scoped_lock lock(mutex_);
  return accounts_.find(user);
}

bool AuthDatabase::has_name(const UserId& user) {
  const std::scoped_lock lock(mutex_);
  return accounts_.has_name(user);
}

AccountTable::Page AuthDatabase::accounts_after(std::uint64_t number, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  return accounts_.after(number, limit);
}

bool AuthDatabase::add_account(const UserId& user, std::string_view password_hash) {
  const std::scoped_lock lock(mutex_);
  return accounts_.add(user, password_hash, clock_());  // one statement is a transaction of its own
}

void AuthDatabase::set_hash(const Account& read, std::string_view password_hash) {
  const std::scoped_lock lock(mutex_);
  accounts_.set_hash(read, password_hash);
}

std::optional<Revocation> AuthDatabase::change_password(const Account& read, std::string_view hash) {
  const std::scoped_lock lock(mutex_);
  sqlite::Transaction transaction(connection_);
  if (!accounts_.set_password(read, hash)) return std::nullopt;
  families_.end_all(read.user);
  auto revocation = revocations_.add(read.user, std::nullopt, clock_());
  transaction.commit();
  return revocation;
}

std::optional<Revocation> AuthDatabase::remove_account(const Account& read) {
  const std::scoped_lock lock(mutex_);
  sqlite::Transaction transaction(connection_);
  if (!accounts_.remove(read)) return std::nullopt;
  families_.end_all(read.user);
  auto revocation = revocations_.add(read.user, std::nullopt, clock_());
  transaction.commit();
  return revocation;
}

// The revocation of a logout while the clock was ahead would keep its user out until the clock is there
// again: a verifier takes no token that was issued in the future.
Timestamp AuthDatabase::issue_time_at(const UserId& user, const std::optional<DeviceId>& device,
                                      Timestamp now) {
  auto earliest = revocations_.not_before(user, device);
  if (earliest > now + rules_.clock_skew) {
    spdlog::error("the end of a login of {} is {} s ahead: the clock was wrong; it counts from now on",
                  user.str(), std::chrono::ceil<std::chrono::seconds>(earliest - now).count());
    revocations_.correct(user, now, now + rules_.clock_skew);
    ++corrections_;
    earliest = revocations_.not_before(user, device);
  }
  return std::max(now, earliest);
}

LoginSession AuthDatabase::session_of(const Family& family, const RefreshToken& token, Timestamp now) {
  return {family.user, family.device, token.text(), issue_time_at(family.user, family.device, now)};
}

std::optional<LoginSession> AuthDatabase::start_session(const Account& read, std::string_view client,
                                                        std::optional<DeviceId> device) {
  const auto token = RefreshToken::fresh();
  const std::scoped_lock lock(mutex_);
  const auto now = clock_();
  Family family{.account = read.id,
                .user = read.user,
                .client = std::string(client),
                .device = std::move(device),
                .ends = now + rules_.family_ttl,
                .idle_ends = now + std::min(rules_.refresh_ttl, rules_.family_ttl),
                .current = token.hash(),
                .previous = {},
                .salt = {},
                .rotated = {}};
  sqlite::Transaction transaction(connection_);
  if (!accounts_.is_still(read)) return std::nullopt;
  families_.trim(read.id, rules_.sessions_per_account - 1);
  families_.add(token.family(), family);
  auto session = session_of(family, token, now);
  transaction.commit();
  return session;
}

Result<LoginSession, NoSession> AuthDatabase::refresh(std::string_view text, std::string_view client) {
  const auto token = RefreshToken::parse(text);
  if (!token) return Failure<NoSession>(NoSession{});
  const std::scoped_lock lock(mutex_);
  const auto now = clock_();
  sqlite::Transaction transaction(connection_);
  const auto family = families_.find(token->family());
  if (!family) return Failure<NoSession>(NoSession{});
  switch (judge(*family, *token, client, now)) {
    case RefreshVerdict::rotate: {
      const auto salt = random_bytes(kRotationSaltBytes);
      const auto next = token->successor(salt);
      families_.rotate(token->family(), next.hash(), salt, now, idle_end(*family, now));
      auto session = session_of(*family, next, now);
      transaction.commit();
      return session;
    }
    case RefreshVerdict::repeat: {
      // Its holder is there, so the successor gets the whole of its time.
      families_.set_idle_ends(token->family(), idle_end(*family, now));
      auto session = session_of(*family, token->successor(family->salt), now);
      session.late_repeat = now > family->rotated + rules_.refresh_grace;
      transaction.commit();
      return session;
    }
    case RefreshVerdict::reused: {
      auto ended = end_reused(*family, *token, now);
      transaction.commit();
      return Failure<NoSession>(std::move(ended));
    }
    case RefreshVerdict::foreign:
    case RefreshVerdict::over:
      break;
  }
  return Failure<NoSession>(NoSession{family->user, std::nullopt});
}

Timestamp AuthDatabase::idle_end(const Family& family, Timestamp now) const {
  return std::min<Timestamp>(now + rules_.refresh_ttl, family.ends);
}

NoSession AuthDatabase::end_reused(const Family& family, const RefreshToken& token, Timestamp now) {
  families_.end(token.family());
  return {family.user, revocations_.add(family.user, family.device, now)};
}

Result<Revocation, EndError> AuthDatabase::end_session(std::string_view text, std::string_view client) {
  const auto token = RefreshToken::parse(text);
  if (!token) return Failure<EndError>(EndError::unknown_token);
  const std::scoped_lock lock(mutex_);
  sqlite::Transaction transaction(connection_);
  const auto family = families_.find(token->family());
  if (!family) return Failure<EndError>(EndError::unknown_token);
  if (family->client != client) return Failure<EndError>(EndError::other_client);
  families_.end(token->family());
  auto revocation = revocations_.add(family->user, family->device, clock_());
  transaction.commit();
  return revocation;
}

Revocation AuthDatabase::end_device(const UserId& user, const DeviceId& device) {
  const std::scoped_lock lock(mutex_);
  sqlite::Transaction transaction(connection_);
  families_.end_device(user, device);
  const bool of_any_device = families_.end_unbound(user);
  auto revocation = revocations_.add(user, of_any_device ? std::nullopt : std::optional(device), clock_());
  transaction.commit();
  return revocation;
}

Revocation AuthDatabase::end_everything(const UserId& user) {
  const std::scoped_lock lock(mutex_);
  sqlite::Transaction transaction(connection_);
  families_.end_all(user);
  auto revocation = revocations_.add(user, std::nullopt, clock_());
  transaction.commit();
  return revocation;
}

Timestamp AuthDatabase::issue_time(const UserId& user, const std::optional<DeviceId>& device) {
  const std::scoped_lock lock(mutex_);
  sqlite::Transaction transaction(connection_);
  const auto time = issue_time_at(user, device, clock_());
  transaction.commit();
  return time;
}

bool AuthDatabase::is_revoked(const UserId& user, const std::optional<DeviceId>& device,
                              Timestamp issued_at) {
  const std::scoped_lock lock(mutex_);
  return revocations_.revokes(user, device, issued_at);
}

void AuthDatabase::for_each_live_revocation(const std::function<void(const Revocation&)>& visit) {
  const std::scoped_lock lock(mutex_);
  revocations_.for_each(clock_(), visit);
}

void AuthDatabase::forget_over() {
  const std::scoped_lock lock(mutex_);
  const auto now = clock_();
  sqlite::Transaction transaction(connection_);
  families_.forget_over(now);
  revocations_.forget_over(now);
  transaction.commit();
}

}  // namespace duet
