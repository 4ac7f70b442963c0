// auth_service/audit.h: one line for each event that an operator may be asked about.
//
//   audit login_failed user=alice address=192.0.2.1 client=app
//
// Never a password, token or secret. A name outside its grammar is written `?`: nobody forges a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "service/address.h"

namespace duet {

enum class AuditEvent : std::uint8_t {
  account_made,
  account_removed,
  password_changed,
  login_ok,
  login_failed,
  client_login_ok,
  client_login_failed,
  refresh_repeated,  // late; see SessionRules::refresh_grace
  refresh_reused,
  refresh_failed,
  revoked,
  logout,
  throttled,
  busy,
};
std::string_view to_string(AuditEvent event);

struct AuditEntry {
  AuditEvent event;
  std::string_view user;  // as the request has it; empty: none
  IpAddress address;
  std::string_view client;  // empty: none
};
std::string format_audit(const AuditEntry& entry);

// Writes the line to the log (spdlog, info). Thread-safe.
void audit(const AuditEntry& entry);

}  // namespace duet
