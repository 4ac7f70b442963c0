// push_bridge/apns_answer.h: what APNs answers ("Handling notification responses from APNs"). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"

namespace duet {

struct ApnsAnswer {
  enum class Meaning : std::uint8_t {
    accepted,
    gone,              // the token is no longer valid
    suspect,           // the token looks wrong; or our topic or environment is
    configuration,     // nobody's push passes
    other_connection,  // configuration, of this connection only
    our_mistake,       // this push does not pass
    connection_ends,   // soon again, on another connection
    too_many,          // for this device
    server_error,
    token_expired,  // our provider token
    token_too_new,  // provider tokens change too often
    not_understood,
  };

  Meaning meaning;
  std::string reason;                // "Unregistered"; "HTTP 418" when there is none
  std::optional<Timestamp> gone_at;  // of `gone`
};

ApnsAnswer parse_apns_answer(int status, std::string_view body);

// The reasons whose meaning does not depend on the status.
std::vector<std::string_view> known_apns_reasons();

}  // namespace duet
