// client/cli/render.h: events and answers as lines for people, or as one JSON object a line.
//
// Immutable; thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "protocol/envelope.h"
#include "protocol/names.h"

namespace duet {

// Text that somebody else wrote, for a terminal: control characters, which could move the cursor or worse,
// become U+FFFD; the lines of a text stay lines, indented.
std::string clean(std::string_view text);

// "2026-11-24 07:13:29", in local time.
std::string format_time(Timestamp time);

class Renderer {
 public:
  Renderer(UserId me, bool json) : me_(std::move(me)), json_(json) {}

  // A message of either side, as an event (`kind` is msg or sent) or of the history.
  std::string message(const Envelope& envelope, std::string_view kind) const;
  // The answer to `duet send`.
  std::string stored(const Envelope& envelope) const;
  std::string receipt(const UserId& peer, const Receipt& receipt) const;
  std::string typing(const UserId& peer, bool typing) const;
  std::string presence(const UserId& peer, const PeerPresence& presence) const;

  // An element of the answers to `conversations` and `devices`. What is missing in it stays out.
  std::string conversation(const nlohmann::json& conversation) const;
  std::string device(const nlohmann::json& device) const;

 private:
  const UserId me_;
  const bool json_;
};

}  // namespace duet
