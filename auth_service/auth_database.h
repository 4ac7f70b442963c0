// auth_service/auth_database.h: accounts, logins and revocations in one SQLite file.
//
// Thread-safe: one connection behind a mutex, every call one short transaction that is on stable storage when
// it returns, with the time at which it had its turn. No password is hashed inside. Every failure is a
// StoreError; then nothing was changed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "auth_service/account_table.h"
#include "auth_service/family_table.h"
#include "auth_service/revocation.h"
#include "auth_service/revocation_table.h"
#include "protocol/result.h"
#include "sqlite/connection.h"
#include "sqlite/file_lock.h"

namespace duet {

struct SessionRules {
  std::chrono::seconds access_ttl{900};
  std::chrono::seconds clock_skew{30};           // that the verifiers allow
  std::chrono::seconds refresh_ttl{30 * 86400};  // of a refresh token that is not used
  std::chrono::seconds family_ttl{180 * 86400};  // of a login, however often it is refreshed
  std::chrono::seconds refresh_grace{30};        // a refresh that is repeated later is noted as late
  std::size_t sessions_per_account = 32;         // a login beyond it ends the one that was quiet for longest
};

// A login with a refresh token that is good now.
struct LoginSession {
  UserId user;
  std::optional<DeviceId> device;
  std::string refresh_token;
  Timestamp issued_at;       // of its access token
  bool late_repeat = false;  // a refresh that was repeated after more than `refresh_grace`
};

// Why there is none. With a revocation: the refresh token had been used before, and the family was ended.
struct NoSession {
  std::optional<UserId> user;  // when the family is known
  std::optional<Revocation> revocation;
};

enum class EndError : std::uint8_t { unknown_token, other_client };

class AuthDatabase {
 public:
  using Clock = std::function<Timestamp()>;

  // Makes the file (mode 0600) when it is not there, and brings it to today's schema. Throws StoreError, also
  // when another process has it open. `clock` is called by every thread, one at a time, and must not call the
  // database.
  AuthDatabase(const std::filesystem::path& file, SessionRules rules, Clock clock);

  std::optional<Account> find_account(std::string_view user);
  bool has_name(const UserId& user);  // also a removed account's
  AccountTable::Page accounts_after(std::uint64_t number, std::size_t limit);
  // False: the name is or was somebody's.
  bool add_account(const UserId& user, std::string_view password_hash);
  // A fresh hash of the same password; nothing happens when the account is no more as it was read.
  void set_hash(const Account& read, std::string_view password_hash);

  // These two end every login of the account. Nullopt, and nothing changed: it is no more as it was read.
  std::optional<Revocation> change_password(const Account& read, std::string_view hash);
  std::optional<Revocation> remove_account(const Account& read);

  // Nullopt: the account is no more as it was read.
  std::optional<LoginSession> start_session(const Account& read, std::string_view client,
                                            std::optional<DeviceId> device);
  Result<LoginSession, NoSession> refresh(std::string_view token, std::string_view client);
  // Ends the family, whichever of its refresh tokens is shown.
  Result<Revocation, EndError> end_session(std::string_view token, std::string_view client);
  // The logins that are bound to no device may be that device's: they end too, and then the revocation is for
  // all of the user's access tokens.
  Revocation end_device(const UserId& user, const DeviceId& device);
  Revocation end_everything(const UserId& user);

  // When an access token that is made now was issued: no revocation there is concerns it.
  Timestamp issue_time(const UserId& user, const std::optional<DeviceId>& device = {});
  bool is_revoked(const UserId& user, const std::optional<DeviceId>& device, Timestamp issued_at);
  // Those that a token may still be subject to, the oldest first. `visit` must not call the database.
  void for_each_live_revocation(const std::function<void(const Revocation&)>& visit);
  // How often a revocation was given an earlier `before`, as the clock had been wrong. Who was told of
  // revocations before that must be told all anew.
  std::uint64_t corrections() const { return corrections_; }

  // The longest from a token's issue until no verifier takes it any more, as long as there was this database.
  std::chrono::seconds longest_token_life() const { return longest_life_; }
  void forget_over();

 private:
  Timestamp issue_time_at(const UserId& user, const std::optional<DeviceId>& device, Timestamp now);
  LoginSession session_of(const Family& family, const RefreshToken& token, Timestamp now);
  Timestamp idle_end(const Family& family, Timestamp now) const;
  NoSession end_reused(const Family& family, const RefreshToken& token, Timestamp now);

  // Constant after construction.
  const SessionRules rules_;
  const Clock clock_;
  const sqlite::FileLock lock_;

  std::mutex mutex_;
  // Guarded by mutex_.
  sqlite::Connection connection_;
  const std::chrono::seconds longest_life_;
  AccountTable accounts_;
  FamilyTable families_;
  RevocationTable revocations_;

  std::atomic<std::uint64_t> corrections_ = 0;
};

}  // namespace duet
