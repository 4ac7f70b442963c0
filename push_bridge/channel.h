// push_bridge/channel.h: which sender a push belongs to: an app at a push service.
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "push_bridge/notification.h"

namespace duet {

std::string_view to_string(Platform platform);
std::optional<Platform> parse_platform(std::string_view text);

// "apns/shop": in the database and the log. On disk: must not change.
std::string channel_name(Platform platform, std::string_view app);
std::string channel_of(const Registration& registration);

}  // namespace duet
