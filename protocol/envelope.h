// protocol/envelope.h: what clients receive on u/<me>/in/# and u/<me>/d/<device>/error (docs/protocol.md
// section 2).
//
// format_* never fail; parse_* return nullopt for text that is not of the form. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/error_code.h"
#include "protocol/names.h"

namespace duet {

// A stored message. On `msg` it comes from the peer; on `sent` it is my own and the acknowledgement.
struct Envelope {
  Seq seq;
  MessageId id;
  UserId from;
  UserId to;
  Timestamp ts;
  std::string type;
  std::string body;
  std::string cursor;      // `cur`; empty where the contract makes it optional (history, `last`)
  bool duplicate = false;  // `dup`: a resend was answered with the first result
  friend bool operator==(const Envelope&, const Envelope&) = default;
};
std::string format_envelope(const Envelope& envelope);
std::optional<Envelope> parse_envelope(std::string_view payload);

// How far `by` has received and read the conversation. Both marks are told, cumulative.
struct Receipt {
  UserId by;
  Seq delivered;
  Seq read;
  std::string cursor;
  friend bool operator==(const Receipt&, const Receipt&) = default;
};
std::string format_receipt_event(const Receipt& receipt);
std::optional<Receipt> parse_receipt_event(std::string_view payload);

struct PeerPresence {
  bool online;
  std::optional<Timestamp> last_seen;  // none: never seen
  friend bool operator==(const PeerPresence&, const PeerPresence&) = default;
};
std::string format_peer_presence(const PeerPresence& presence);
std::optional<PeerPresence> parse_peer_presence(std::string_view payload);

// A publish of this device was refused.
struct ErrorEvent {
  Refusal refusal;
  std::string topic;            // of the refused publish; empty: not told. Told only when it is valid UTF-8
  std::optional<MessageId> id;  // of the refused message, where it could be read
  std::optional<std::chrono::milliseconds> retry_after;
  friend bool operator==(const ErrorEvent&, const ErrorEvent&) = default;
};
std::string format_error(const ErrorEvent& error);
std::optional<ErrorEvent> parse_error(std::string_view payload);

// The answer to a request that failed: {"req", "method", "error": {"code", "message"}}.
std::string format_error_reply(std::string_view req, std::string_view method, const Refusal& refusal);

}  // namespace duet
