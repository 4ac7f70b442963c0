// push_bridge/registration.h: what a device says on u/<me>/d/<device>/push (docs/protocol.md section 2).
//
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "push_bridge/notification.h"

namespace duet {

inline constexpr std::size_t kMaxPushTokenBytes = 2048;
inline constexpr std::size_t kMaxAppBytes = 64;

// The name of a configured app: [A-Za-z0-9._-]{1,64}.
bool valid_app_name(std::string_view app);

struct RegistrationPayload {
  std::optional<Target> target;  // none: the device wants no push any more
  std::string app;               // empty: it names none
};

// The error is a sentence that says nothing of the token.
Result<RegistrationPayload, std::string> parse_registration(std::string_view payload);

}  // namespace duet
