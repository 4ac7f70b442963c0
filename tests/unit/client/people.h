// tests/unit/client/people.h: who the tests of the client's parts are about.
#pragma once

#include <chrono>
#include <optional>

#include "protocol/envelope.h"

namespace duet {

inline const UserId kAlice = UserId::parse("alice").value();
inline const UserId kBob = UserId::parse("bob").value();
inline const UserId kCarol = UserId::parse("carol").value();

// A refusal from the server.
inline ErrorEvent error(ErrorCode code, std::optional<std::chrono::milliseconds> retry_after = std::nullopt) {
  return {.refusal = {code, "why"}, .topic = {}, .id = {}, .retry_after = retry_after};
}

}  // namespace duet
