#include "auth_service/audit.h"

#include <spdlog/spdlog.h>

#include "protocol/names.h"

namespace duet {
namespace {

std::string_view shown(std::string_view name) {
  if (name.empty()) return "-";
  return UserId::valid(name) ? name : "?";  // the widest grammar of names there is
}

}  // namespace

std::string_view to_string(AuditEvent event) {
  switch (event) {
    case AuditEvent::account_made:
      return "account_made";
    case AuditEvent::account_removed:
      return "account_removed";
    case AuditEvent::password_changed:
      return "password_changed";
    case AuditEvent::login_ok:
      return "login_ok";
    case AuditEvent::login_failed:
      return "login_failed";
    case AuditEvent::client_login_ok:
      return "client_login_ok";
    case AuditEvent::client_login_failed:
      return "client_login_failed";
    case AuditEvent::refresh_repeated:
      return "refresh_repeated";
    case AuditEvent::refresh_reused:
      return "refresh_reused";
    case AuditEvent::refresh_failed:
      return "refresh_failed";
    case AuditEvent::revoked:
      return "revoked";
    case AuditEvent::logout:
      return "logout";
    case AuditEvent::throttled:
      return "throttled";
    case AuditEvent::busy:
      return "busy";
  }
  return "unknown";
}

std::string format_audit(const AuditEntry& entry) {
  std::string line = "audit ";
  line += to_string(entry.event);
  line += " user=";
  line += shown(entry.user);
  line += " address=";
  line += entry.address.text();
  line += " client=";
  line += shown(entry.client);
  return line;
}

void audit(const AuditEntry& entry) {
  spdlog::info(format_audit(entry));
}

}  // namespace duet
