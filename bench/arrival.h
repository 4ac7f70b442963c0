// bench/arrival.h: what a payload says about the message in it, and whether that message was due.
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

// Message ids of the bench: <marker><pair>.<number>, the numbers at full length, so that they are found in a
// payload without parsing the JSON around them. The marker stands nowhere else in a payload of the run: the
// names of its users have the run too, but no dot.
inline constexpr std::size_t kMaxPairs = 999'999;
std::string message_marker(std::string_view run);
// The id of a message, up to its number.
std::string message_id_prefix(std::string_view marker, std::size_t pair);

struct MessageNumber {
  std::uint64_t pair;
  std::uint64_t number;
};
// The first such id in the payload, as published or in an envelope.
std::optional<MessageNumber> find_number(std::string_view payload, std::string_view marker);

// The seq of an envelope (docs/protocol.md section 2); 0: there is none.
std::uint64_t find_seq(std::string_view envelope);

// What must not happen.
struct Faults {
  std::uint64_t missing = 0;      // never arrived
  std::uint64_t repeated = 0;     // arrived again, or behind a later one
  std::uint64_t misnumbered = 0;  // the seq is not the one after the last
  std::uint64_t misrouted = 0;    // arrived at somebody else, or is none of ours
  std::uint64_t refused = 0;      // PUBACKs that said no (MQTT 5)

  std::uint64_t total() const { return missing + repeated + misnumbered + misrouted + refused; }
};

// The messages of one pair as they arrive at one of its sides: 0, 1, 2 …, and in envelopes with seq 1, 2, 3 …
class Stream {
 public:
  // How many messages are behind us with this one; 0: it was not due. Counts what is wrong.
  std::uint64_t take(std::uint64_t number, Faults& faults);
  // To be called for an envelope whose number was due.
  void take_seq(std::uint64_t seq, Faults& faults);

  std::uint64_t next() const { return next_; }  // the number that is due
  std::uint64_t last_seq() const { return last_seq_; }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t last_seq_ = 0;
};

}  // namespace duet
