// push_bridge/fcm_answer.h: what FCM and Google's OAuth server answer. Pure; the texts are foreign, and now
// and then HTML of a proxy on the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace duet {

struct FcmAnswer {
  enum class Meaning : std::uint8_t {
    accepted,
    gone,           // the token is no longer valid
    suspect,        // the token looks wrong, or is of another project; or our project is
    configuration,  // nobody's push passes
    our_mistake,    // this push does not pass
    too_many,       // for the project or the device
    server_error,
    token_expired,  // our access token
    not_understood,
  };

  Meaning meaning;
  std::string reason;  // "UNREGISTERED"; "HTTP 502" when there is none
};

FcmAnswer parse_fcm_answer(int status, std::string_view body);

// RFC 6749 5.1.
struct AccessGrant {
  std::string token;  // secret
  std::chrono::seconds expires_in;
};

// An answer of status 200. The error is a sentence without the answer's words.
Result<AccessGrant, std::string> parse_access_grant(std::string_view body);

// `error` of an answer of another status (RFC 6749 5.2): "invalid_grant"; "HTTP 502" when there is none.
std::string parse_grant_error(int status, std::string_view body);

}  // namespace duet
