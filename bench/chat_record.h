// bench/chat_record.h: what was written while connections came and went, and whether all of it arrived.
//
// Pure. A message that the broker has acknowledged is never published again by its sender: that it arrives
// is the platform's doing alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/names.h"

namespace duet {

class ChatRecord {
 public:
  explicit ChatRecord(std::size_t pairs) : pairs_(pairs) {}

  // The number of the pair's next message.
  std::uint64_t write(std::size_t pair);
  void acknowledged(std::size_t pair, std::uint64_t number);
  // An envelope of the message is at its sender (`sent`) or recipient (`msg`), live or out of a sync, and
  // perhaps not for the first time.
  enum class Side : std::uint8_t { sender, recipient };
  void arrived(std::size_t pair, Side side, std::uint64_t number, Seq seq);

  // Something arrived that is no message of these pairs, or at the wrong one.
  void foreign() { ++foreign_; }

  // What the sender does not know to be accepted or stored, in order: to be published (again).
  std::vector<std::uint64_t> unanswered(std::size_t pair) const;
  // Everything written is at both sides.
  bool complete() const { return at_both_ == written_; }

  struct Verdict {
    std::uint64_t written = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t missing = 0;        // not at both sides
    std::uint64_t accepted_lost = 0;  // of these, acknowledged
    std::uint64_t misnumbered = 0;    // the two sides differ, a number has two seqs, or the seqs have a hole
    std::uint64_t foreign = 0;        // arrived, but never written
    bool good() const { return missing + misnumbered + foreign == 0; }
  };
  Verdict verdict() const;

 private:
  struct Message {
    bool acknowledged = false;
    Seq at_sender = 0;  // 0: has not arrived
    Seq at_recipient = 0;
  };

  std::vector<std::vector<Message>> pairs_;
  std::uint64_t written_ = 0;
  std::uint64_t at_both_ = 0;
  std::uint64_t renumbered_ = 0;
  std::uint64_t foreign_ = 0;
};

}  // namespace duet
