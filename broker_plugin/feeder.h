// broker_plugin/feeder.h: sends a journal's records to the store, in frames.
//
// Live and replay are one mechanism: frames are read from the segment files. At most `window` of them are
// unconfirmed; while the window is full, records gather, and the next frame is larger. So they do for a short
// time while any frame is unconfirmed (docs/adr/0030-gathering.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "broker_plugin/broker_port.h"
#include "journal/journal.h"
#include "protocol/frame.h"
#include "protocol/names.h"

namespace duet {

// Used by the broker's thread alone. Journal and broker must outlive it.
class Feeder {
 public:
  using Clock = std::chrono::steady_clock;

  Feeder(Partition partition, Journal& journal, BrokerPort& broker, std::size_t window_frames);

  // A store has subscribed: it is told who this is, and answers with `from`.
  void store_came(Clock::time_point now);
  // Nobody listens any more.
  void store_left();
  void on_control(const IngestControl& control, Clock::time_point now);
  // Sends what is due. Called at the end of every loop turn.
  void tick(Clock::time_point now);

  std::size_t unconfirmed_frames() const { return in_flight_.size(); }

  // How long a frame or a greeting may stay unanswered before it is sent again; doubled each time.
  static constexpr std::chrono::seconds kFirstWait{5};
  static constexpr std::chrono::seconds kLongestWait{60};
  // While a frame is unconfirmed, records wait for more of them: so long, or until there are so many. The
  // confirmation ends the wait, and wakes the broker for it. Without an unconfirmed frame nothing waits.
  static constexpr std::chrono::milliseconds kGather{2};
  static constexpr RecordNumber kGatherRecords = 64;

 private:
  enum class State : std::uint8_t {
    idle,     // no store
    greeted,  // the store has to say from where on
    feeding,
    failed,  // the journal cannot be read; only a restart, which names the damage, helps
  };
  struct SentFrame {
    JournalPosition start;
    RecordNumber last;
    Clock::time_point at;
  };

  void greet(Clock::time_point now);
  void start_from(RecordNumber n, Clock::time_point now);
  void confirm(RecordNumber n, Clock::time_point now);
  void back_off();
  // Whether the records that wait have waited enough. Precondition: there are some.
  bool gathered(Clock::time_point now) const;
  void send_frame(Clock::time_point now);

  const std::string topic_;
  Journal& journal_;
  BrokerPort& broker_;
  const std::size_t window_frames_;

  State state_ = State::idle;
  JournalPosition position_;                          // before the next record to send
  std::deque<SentFrame> in_flight_;                   // sent and not committed, oldest first
  std::optional<Clock::time_point> gathering_since_;  // when the first record that waits was seen
  Clock::time_point waiting_since_;                   // of the greeting, or of the last progress
  std::chrono::seconds wait_ = kFirstWait;
};

}  // namespace duet
