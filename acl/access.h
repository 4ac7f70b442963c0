// acl/access.h: the access table, as data, and the decision that is made from it.
//
// Pure and immutable; const access from several threads is safe. Deny is the default.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "acl/principal.h"

namespace duet {

enum class Access : std::uint8_t {
  publish,    // a client's PUBLISH, before anything else looks at it
  will,       // the broker sends a client's will
  subscribe,  // SUBSCRIBE (and UNSUBSCRIBE) with a filter
  receive,    // the broker hands a message to a client
};
std::string_view to_string(Access access);

// One row: `role` may `access` what `pattern` matches. A pattern is a topic name or filter whose levels may
// be
//   {me}       the principal's own user          {device}   the principal's own device
//   {user}     any user name                     {any}      any device name or method
//   {partition}  a partition number
//   +          (subscribe rows) the wildcard itself, as the services use it
//   #          (last) anything below: for publish and receive any deeper topic of the grammar, for subscribe
//              any valid filter that stays below, wildcards included
struct AccessRule {
  Role role;
  Access access;
  std::string_view pattern;
  std::string_view note;  // for the documentation
};

// The whole table. Everything that is not in it is denied.
std::span<const AccessRule> access_table();

enum class DenyReason : std::uint8_t {
  no_rule,        // nothing in the table allows it
  invalid_topic,  // outside the grammar, or not a valid filter (MQTT 5 4.7.1)
  shared,         // a filter $share/…, valid or not: a message would go to one of several devices only
};
std::string_view to_string(DenyReason reason);

struct Decision {
  const AccessRule* rule;  // the row that allows it; null: denied
  DenyReason reason;       // meaningful when denied
  bool allowed() const { return rule != nullptr; }
};

// Decides about one topic name (publish, will, receive) or topic filter (subscribe). O(rows), no allocation.
Decision decide(const Principal& who, Access access, std::string_view topic) noexcept;

}  // namespace duet
