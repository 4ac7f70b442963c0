// tests/support/history_checker.h: whether what clients saw of a conversation keeps the guarantees of
// docs/protocol.md section 3: stored once, in order, dense, the same for both, nothing acknowledged lost, and
// nobody else's business.
//
// Pure: it only compares what was recorded. For any test that makes trouble and then asks whether it
// mattered. docs/reliability.md lists the laws.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/envelope.h"

namespace duet {

// A message as a device first published it. Resends are not recorded: they are the same message.
struct Attempt {
  std::string id;
  std::string body;
  bool acknowledged = false;  // a PUBACK came for it, at any time
};

// How far a conversation was received and read, as somebody says.
struct MarksTold {
  std::string by;
  Seq delivered = 0;
  Seq read = 0;
  friend bool operator==(const MarksTold&, const MarksTold&) = default;
};

// What one device did and saw of the conversation.
struct DeviceRecord {
  std::vector<Attempt> published;  // in the order of first publishing
  std::vector<Envelope> live;      // `msg` and `sent`, in order of arrival, over all its connections
  std::vector<Envelope> synced;    // `msg` and `sent` from sync, in the order they were given
  std::vector<MarksTold> marks;    // of receipts that arrived live, in order of arrival
  std::vector<MarksTold> synced_marks;
  MarksTold acknowledged_marks;      // the highest of its own receipts that a PUBACK came for
  std::vector<std::string> foreign;  // topics, and what else arrived that is not of its user's conversations
};

struct UserRecord {
  std::string user;
  std::vector<DeviceRecord> devices;
  std::vector<Envelope> history;  // all of it, after everything has settled
  // As `conversations` tells this user at the end; none: not asked.
  std::optional<MarksTold> mine = {};
  std::optional<MarksTold> theirs = {};
};

// What is checked. The numbers in brackets are the guarantees of docs/protocol.md section 3.
enum class Law : std::uint8_t {
  kept,           // [2] what was acknowledged is stored, as it was published
  once,           // [3] a message id is stored once
  dense,          // [4] seq is 1, 2, 3 …
  one_order,      // [4] both sides have the same messages in the same places
  sender_order,   // [4] a device's messages are in the order in which it published them
  time,           // ts never decreases
  published,      // nothing is stored that nobody published
  stored_first,   // [1] nothing was seen, live or in sync, that is not stored just so
  stream_order,   // [4] what is new in a stream is behind everything before it
  complete,       // [5] live and sync together leave nothing out
  marks_ascend,   // marks never go back
  marks_bounded,  // read <= delivered <= last seq
  receipt_kept,   // [2] for receipts
  marks_agree,    // both sides are told the same marks
  two_parties,    // [6] nothing reaches a third user
};
std::string_view to_string(Law law);

struct Violation {
  Law law;
  std::string what;  // names places, never a body
};
std::ostream& operator<<(std::ostream& out, const Violation& violation);

// What operators ask: how many violations are of which kind.
struct Tally {
  std::size_t lost = 0;
  std::size_t duplicated = 0;
  std::size_t out_of_order = 0;
  std::size_t other = 0;
};
Tally tally(const std::vector<Violation>& violations);

// Returns the violations (of each law at most 50); none: every guarantee was kept. Assumes that each device
// resent what was not confirmed in order before anything new, as the contract says.
std::vector<Violation> check_conversation(const UserRecord& one, const UserRecord& other);

}  // namespace duet
