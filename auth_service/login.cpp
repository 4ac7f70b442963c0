#include "auth_service/login.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "auth_service/audit.h"

namespace duet {
namespace {

Failure<LoginRefusal> refused(const Attempt& attempt, AuditEvent event, LoginRefusal refusal) {
  audit({event, attempt.user, attempt.address, attempt.client});
  return Failure<LoginRefusal>(refusal);
}

// What the text may mean, the likeliest first: its one form, and for hashes from before there was one, the
// text as it came. Empty: no account has such a password.
std::vector<Password> readings(std::string_view text) {
  std::vector<Password> found;
  if (auto normal = Password::parse(text)) found.push_back(*std::move(normal));
  auto typed = Password::as_typed(text);
  if (typed && (found.empty() || typed->bytes() != found.front().bytes())) found.push_back(*std::move(typed));
  return found;
}

// Which of `readings` is the password. One past the last: none is. For no account that takes as many
// computations as for a wrong password.
Result<std::size_t, HashError> find_right(const AuthParts& parts, const std::vector<Password>& readings,
                                          const std::optional<std::string>& stored) {
  for (std::size_t at = 0; at < readings.size(); ++at) {
    const auto right = parts.hasher.verify(readings[at], stored);
    if (!right) return Failure<HashError>(right.error());
    if (*right) return at;
  }
  return readings.size();
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
  const auto passwords = readings(attempt.password);
  if (passwords.empty()) return refused(attempt, AuditEvent::login_failed, {Cause::wrong});

  auto account = parts.database.find_account(attempt.user);
  const auto stored = account ? std::optional(account->password_hash) : std::nullopt;
  const auto right = find_right(parts, passwords, stored);
  if (!right) return refused(attempt, AuditEvent::busy, {Cause::busy, kBusyWait});
  if (*right == passwords.size()) {
    parts.throttle.failed(secret, now);
    return refused(attempt, AuditEvent::login_failed, {Cause::wrong});
  }
  parts.throttle.succeeded(secret, attempt.address);
  // From here on the one form is enough, and lets its owner in from every system.
  if (*right != 0 || parts.hasher.outdated(account->password_hash)) {
    rehash(parts, *account, passwords.front());
  }
  return *std::move(account);
}

}  // namespace duet
