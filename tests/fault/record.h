// tests/fault/record.h: what a peer process wrote down of one of its devices, for the checker of histories.
//
// A peer process (tests/fault/node/peers.js, duet-library-peers) appends a JSON object a line to the record
// file of each device, in one write, so that a SIGKILL loses nothing that happened:
//
//   {"t":"pub","peer","id","body"}        a message, before it is first published
//   {"t":"ack","peer","id"}               it was accepted: PUBACK, or durable in the library's outbox
//   {"t":"refused","peer","id"}           it was refused for the moment, and is given up
//   {"t":"live","topic","payload"}        received, in order of arrival (MQTT.js)
//   {"t":"told","envelope"}               the library told it, before its handler returned
//   {"t":"marks","peer","by","delivered","read"}   the library told that marks have risen
//   {"t":"sync","change"}                 a change of a page of sync, in order (MQTT.js)
//   {"t":"reset"}                         sync answered `reset`; it began at the start again
//   {"t":"receipt","peer","delivered" or "read": seq}   before it is told to the peer
//   {"t":"connect"}                       connected (the library: and caught up)
//   {"t":"complaint","what"}              what should not happen
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/envelope.h"
#include "tests/support/history_checker.h"

namespace duet {

// One conversation, as one device had it. What the library told is in messages.live.
struct ConversationRecord {
  DeviceRecord messages;
  std::vector<Receipt> marks;         // told live, by either side. The library's have no cursor
  std::vector<Receipt> synced_marks;  // from sync
  Seq delivered = 0;                  // the highest this device told the peer
  Seq read = 0;
};

// With the marks, for the checker.
DeviceRecord device_record(ConversationRecord conversation);

struct PeerRecord {
  std::map<std::string, ConversationRecord> conversations;  // by peer
  std::size_t connects = 0;
  std::size_t resets = 0;
  // The device's own, and whatever it received that is not for `user` or not of the contract's form.
  std::vector<std::string> complaints;

  std::size_t published() const;
};

// Reads the record of a device of `user`; no file is an empty record. A last line without its end (the
// process was killed while it wrote) is left out. Throws std::runtime_error, naming file and line, when a
// line is none of the above.
PeerRecord read_record(const std::filesystem::path& file, std::string_view user);

}  // namespace duet
