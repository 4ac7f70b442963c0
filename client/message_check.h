// client/message_check.h: what a client can tell of a message before anybody has seen it.
#pragma once

#include <optional>
#include <string>

#include "protocol/error_code.h"
#include "protocol/names.h"

namespace duet {

// 128 random bits. Throws std::runtime_error when the system has none.
std::string random_name();
MessageId random_message_id();

// Why no store would take the message; nullopt when one might.
std::optional<Refusal> check_message(const UserId& me, const UserId& peer, const std::string& body,
                                     const std::string& type);

}  // namespace duet
