// acl/principal.h: who is on the other end of a connection.
//
// Immutable values; const access from several threads is safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/names.h"

namespace duet {

// What a token's `scope` names (docs/protocol.md section 5). A user's is `chat`; the others are the
// platform's services.
enum class Role : std::uint8_t { chat, store, push, auth };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

// An authenticated connection. A chat principal is a device of a user; its client id is `user:device`. A
// service's client id is `duet-<role>` or `duet-<role>.<instance>`, which is no user's: it has no colon.
class Principal {
 public:
  static Principal of_device(Device device, Timestamp expires_at, Timestamp issued_at = {});
  // `instance` tells several connections of one role apart; empty for the only one.
  static Principal of_service(Role role, std::string instance, Timestamp expires_at);

  Role role() const { return role_; }
  // Set exactly for Role::chat.
  const std::optional<Device>& device() const { return device_; }
  // When its token ends (RFC 7519 4.1.4), skew not added.
  Timestamp expires_at() const { return expires_at_; }
  // When its token was issued (RFC 7519 4.1.6); the epoch when it does not say, and for a service.
  Timestamp issued_at() const { return issued_at_; }
  std::string client_id() const;

 private:
  Principal(Role role, std::optional<Device> device, std::string instance, Timestamp expires_at,
            Timestamp issued_at);

  Role role_;
  std::optional<Device> device_;
  std::string instance_;
  Timestamp expires_at_;
  Timestamp issued_at_;
};

// The role and instance that a service's client id names; nullopt when it is not `duet-<role>[.<instance>]`
// with an instance of the device grammar.
struct ServiceClientId {
  Role role;
  std::string instance;
};
std::optional<ServiceClientId> parse_service_client_id(std::string_view client_id);

}  // namespace duet
