// push_bridge/push_request.h: what every push request is made of. Only for the senders' own .cpp files.
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "push_bridge/notification.h"

namespace duet {

// What is wrong with it: an id that is no canonical UUID in lower case, or a conversation that is not 1 to 32
// characters of base64url (a test needs none), or that it has expired. Empty: nothing.
std::string_view wrong_with(const Notification& notification, Timestamp now);

// 1 to `most` of the characters that a header, a URL or a JSON text can hold as they are: letters, digits and
// -._~:
bool is_plain(std::string_view text, std::size_t most);

// How long it is of use, in whole seconds, at least 1. Precondition: it has not expired.
std::chrono::seconds time_to_live(const Notification& notification, Timestamp now, std::chrono::seconds most);

// Of a message alone, whatever else a notification says.
bool has_preview(const Notification& notification);

// {"from", "text"}
nlohmann::json preview_json(const Preview& preview);

// The same in JSON, encrypted to the device (RFC 8291) and in base64url: kSealedPreviewBytes, however long
// the text. Empty: the push has no preview, or the device wants none, or its key is no point of the curve: a
// device is woken in any case.
std::string sealed_preview(const Notification& notification, const std::optional<DeviceKeys>& keys);
inline constexpr std::size_t kSealedPreviewBytes = 1616;

std::string_view to_string(Notification::Kind kind);  // "message", "badge", "test"

}  // namespace duet
