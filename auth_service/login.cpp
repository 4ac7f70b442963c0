#include "auth_service/login.h"

#include <utility>

#include "auth_service/audit.h"

namespace duet {
namespace {

Failure<LoginRefusal> refused(const Attempt& attempt, AuditEvent event, LoginRefusal refusal) {
  audit({event, attempt.user, attempt.address, attempt.client});
  return Failure<LoginRefusal>(refusal);
}

// Not worth a refusal: the old hash is as right as before.
void rehash(const AuthParts& parts, const Account& account, const Password& password) {
  if (const auto hash = parts.hasher.hash(password)) parts.database.set_hash(account, *hash);
}

}  // namespace

Result<Account, LoginRefusal> check_login(const AuthParts& parts, const Attempt& attempt) {
  using Cause = LoginRefusal::Cause;
  const Secret secret{attempt.kind, attempt.user};
  const auto now = parts.clocks.steady();
  if (const auto wait = parts.throttle.take(secret, attempt.address, now)) {
    return refused(attempt, AuditEvent::throttled, {Cause::throttled, *wait});
  }
  // No account has such a password, so that there is nothing to compute tells nothing about this one.
  const auto password = Password::parse(attempt.password);
  if (!password) return refused(attempt, AuditEvent::login_failed, {Cause::wrong});

  auto account = parts.database.find_account(attempt.user);
  const auto stored = account ? std::optional(account->password_hash) : std::nullopt;
  const auto right = parts.hasher.verify(*password, stored);
  if (!right) return refused(attempt, AuditEvent::busy, {Cause::busy, kBusyWait});
  if (!*right) {
    parts.throttle.failed(secret, now);
    return refused(attempt, AuditEvent::login_failed, {Cause::wrong});
  }
  parts.throttle.succeeded(secret, attempt.address);
  if (parts.hasher.outdated(account->password_hash)) rehash(parts, *account, *password);
  return *std::move(account);
}

}  // namespace duet
