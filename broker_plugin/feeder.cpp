#include "broker_plugin/feeder.h"

#include <algorithm>
#include <utility>

#include "file_io/crash_point.h"
#include "protocol/topic.h"

namespace duet {
namespace {

// What an ingest frame has besides its records.
constexpr std::size_t kFrameHeaderBytes = 4 + kNodeIdBytes + 8 + 4;

// Numbers must stay below 2^53 (JSON), also after jumps; a store that asks for more than this is out of its
// mind.
constexpr RecordNumber kMaxFrom = kMaxSeq / 2;

}  // namespace

Feeder::Feeder(Partition partition, Journal& journal, BrokerPort& broker, std::size_t window_frames)
    : topic_(format_topic(PipeTopic{partition, PipeKind::ingest})),
      journal_(journal),
      broker_(broker),
      window_frames_(window_frames) {}

void Feeder::store_came(Clock::time_point now) {
  if (state_ == State::failed) return;
  wait_ = kFirstWait;
  greet(now);
}

void Feeder::store_left() {
  if (state_ == State::failed) return;
  state_ = State::idle;
  in_flight_.clear();
  gathering_since_.reset();
}

void Feeder::greet(Clock::time_point now) {
  state_ = State::greeted;
  in_flight_.clear();
  waiting_since_ = now;
  broker_.publish({topic_, encode_ingest_frame(journal_.node(), journal_.last(), 0, {})});
}

void Feeder::on_control(const IngestControl& control, Clock::time_point now) {
  if (state_ == State::idle || state_ == State::failed) return;
  if (control.node != journal_.node()) {
    greet(now);  // it speaks of a journal that was here before
    return;
  }
  if (control.kind == IngestControl::Kind::from) {
    start_from(control.n, now);
  } else if (state_ == State::feeding) {
    DUET_CRASH_POINT("feeder.committed");
    // Nothing can be committed that was never sent; believing it would remove records.
    confirm(std::min(control.n, journal_.last()), now);
  }
}

void Feeder::start_from(RecordNumber n, Clock::time_point now) {
  DUET_CRASH_POINT("feeder.from");
  if (n > kMaxFrom) {
    broker_.log(LogLevel::error, topic_ + ": the store asks for record " + std::to_string(n));
    return;
  }
  // The store has records up to n - 1. Were ours given those numbers, it would take new messages for old
  // ones.
  if (n > journal_.next_number()) {
    broker_.log(LogLevel::warning,
                topic_ + ": the store is ahead of the journal; it goes on with record " + std::to_string(n));
    journal_.jump_to(n);
  }
  position_ = journal_.seek(std::max<RecordNumber>(n, 1));
  in_flight_.clear();
  state_ = State::feeding;
  confirm(n == 0 ? 0 : n - 1, now);
}

void Feeder::confirm(RecordNumber n, Clock::time_point now) {
  wait_ = kFirstWait;
  waiting_since_ = now;
  while (!in_flight_.empty() && in_flight_.front().last <= n) in_flight_.pop_front();
  if (const auto error = journal_.committed(n)) {
    broker_.log(LogLevel::warning, topic_ + ": cannot remove a segment: " + error.message());
  }
}

void Feeder::back_off() {
  wait_ = std::min<std::chrono::seconds>(2 * wait_, kLongestWait);
}

void Feeder::tick(Clock::time_point now) {
  if (state_ == State::greeted && now - waiting_since_ >= wait_) {
    back_off();
    greet(now);
  }
  if (state_ != State::feeding) return;
  if (!in_flight_.empty() && now - std::max(in_flight_.front().at, waiting_since_) >= wait_) {
    // Lost on the way, or the store is slow: sending again is harmless, it skips what it has.
    broker_.log(LogLevel::notice, topic_ + ": no answer of the store, sending again");
    back_off();
    position_ = in_flight_.front().start;
    in_flight_.clear();
  }
  if (position_.after >= journal_.last()) return;
  if (!gathering_since_) gathering_since_ = now;
  if (in_flight_.size() >= window_frames_ || !gathered(now)) return;
  gathering_since_.reset();
  while (state_ == State::feeding && in_flight_.size() < window_frames_ &&
         position_.after < journal_.last()) {
    send_frame(now);
  }
}

bool Feeder::gathered(Clock::time_point now) const {
  return in_flight_.empty() || journal_.last() - position_.after >= kGatherRecords ||
         now - *gathering_since_ >= kGather;
}

void Feeder::send_frame(Clock::time_point now) try {
  auto batch = journal_.read(position_, kMaxIngestFrameBytes - kFrameHeaderBytes);
  const RecordNumber previous = position_.after_is_known ? position_.after : 0;
  DUET_CRASH_POINT("feeder.frame.before");
  broker_.publish({topic_, encode_ingest_frame(journal_.node(), previous, batch.count, batch.records)});
  DUET_CRASH_POINT("feeder.frame.after");
  in_flight_.push_back({std::exchange(position_, batch.next), batch.next.after, now});
} catch (const JournalError& e) {
  // Skipping the record would lose a message that was acknowledged; the operator has to decide.
  broker_.log(LogLevel::error, topic_ + ": feeding stops: " + e.what());
  state_ = State::failed;
  in_flight_.clear();
}

}  // namespace duet
