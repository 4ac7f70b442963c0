// client/outbox.h: when which message of the outbox is published. What it says is in the database.
//
// To one peer, a message is published when the broker has acknowledged the one before it: so a refusal for
// now (too many messages) cannot put them out of order. The first message to somebody waits for its `sent`
// instead, as the store may refuse to begin a conversation for now. Acknowledged is not stored: a message
// stays until its `sent` has come, and is published again when that takes long, or after a new connection.
//
// A state machine without clock, disk or network. Not synchronised.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "client/database.h"
#include "client/retry.h"
#include "protocol/envelope.h"
#include "protocol/names.h"

namespace duet {

// Whether a refusal is about the moment and not about what was refused.
bool refused_for_now(ErrorCode code);

class Outbox {
 public:
  static constexpr std::size_t kMaxMessages = 10'000;
  // To one peer at most that many are acknowledged without a `sent`.
  static constexpr std::size_t kMaxUnconfirmed = 500;

  Outbox(std::chrono::milliseconds first_resend, std::chrono::milliseconds max_resend)
      : first_resend_(first_resend), max_resend_(max_resend) {}

  bool full() const { return peer_of_.size() >= kMaxMessages; }
  std::size_t size() const { return peer_of_.size(); }
  bool contains(const MessageId& id) const { return peer_of_.contains(id); }
  // Where it is on disk; nullopt when it is not in the outbox.
  std::optional<OutboxPosition> position_of(const MessageId& id);
  // There is a conversation with `peer`.
  void begun(const UserId& peer) { begun_.insert(peer); }
  // In the order of positions. Precondition: neither full nor containing it.
  void add(OutboxPosition position, const MessageId& id, const UserId& peer);

  // From open() to close() messages may be published; all that are left are published again.
  void open() { open_ = true; }
  void close();

  // One publish of one message.
  struct Attempt {
    OutboxPosition position;
    MessageId id;
    std::uint64_t number;
  };
  // What to publish now, in this order. Each must be answered, or the outbox closed.
  std::vector<Attempt> due(SteadyTime now);
  // When due() is worth a look, if nothing else happens before.
  std::optional<SteadyTime> next_time() const;

  // The broker acknowledged or refused it, or it could not be published at all.
  void answered(const Attempt& attempt, bool accepted, SteadyTime now);
  // Its `sent` came: it is out of the outbox. Nullopt when it was not in it.
  std::optional<OutboxPosition> stored(const MessageId& id);
  // An error event named it. Its position when it is out of the outbox, for good; nullopt when it will be
  // tried again, or is not in it.
  std::optional<OutboxPosition> refused(const MessageId& id, const ErrorEvent& error, SteadyTime now);

 private:
  enum class State : std::uint8_t {
    waiting,    // to be published, at `at` or later
    published,  // until the broker answers
    accepted,   // until `sent` comes; published again at `at`
  };
  struct Message {
    OutboxPosition position;
    MessageId id;
    State state = State::waiting;
    std::uint64_t attempt = 0;
    SteadyTime at{};
    Delay resend;
    Delay retry{kFirstRetry, kMaxRetry};
  };
  using Queue = std::deque<Message>;

  Message* find(const MessageId& id);
  std::optional<OutboxPosition> remove(const MessageId& id);
  std::size_t max_unconfirmed(const UserId& peer) const {
    return begun_.contains(peer) ? kMaxUnconfirmed : 1;
  }
  static Message* next_of(Queue& queue, std::size_t max_unconfirmed, SteadyTime now);

  const std::chrono::milliseconds first_resend_;
  const std::chrono::milliseconds max_resend_;
  bool open_ = false;
  std::map<UserId, Queue> queues_;  // never an empty queue
  std::unordered_map<MessageId, UserId> peer_of_;
  std::unordered_set<UserId> begun_;
};

}  // namespace duet
