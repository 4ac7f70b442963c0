#include "client/outbox.h"

#include <algorithm>

namespace duet {

bool refused_for_now(ErrorCode code) {
  return code == ErrorCode::rate_limited || code == ErrorCode::unavailable;
}

void Outbox::add(OutboxPosition position, const MessageId& id, const UserId& peer) {
  queues_[peer].push_back({.position = position, .id = id, .resend = Delay(first_resend_, max_resend_)});
  peer_of_.emplace(id, peer);
}

void Outbox::close() {
  open_ = false;
  for (auto& [peer, queue] : queues_) {
    for (auto& message : queue) {
      message.state = State::waiting;
      message.at = {};
      ++message.attempt;  // an answer to the last one comes too late
      message.resend = Delay(first_resend_, max_resend_);
    }
  }
}

// The first message of the queue that may be published, unless an earlier one keeps it waiting.
Outbox::Message* Outbox::next_of(Queue& queue, std::size_t max_unconfirmed, SteadyTime now) {
  std::size_t unconfirmed = 0;
  for (auto& message : queue) {
    if (message.state == State::published) return nullptr;
    const bool ready = message.at <= now;
    if (message.state == State::waiting) return ready ? &message : nullptr;
    if (ready) return &message;
    if (++unconfirmed == max_unconfirmed) return nullptr;
  }
  return nullptr;
}

std::vector<Outbox::Attempt> Outbox::due(SteadyTime now) {
  std::vector<Attempt> attempts;
  if (!open_) return attempts;
  for (auto& [peer, queue] : queues_) {
    Message* message = next_of(queue, max_unconfirmed(peer), now);
    if (message == nullptr) continue;
    message->state = State::published;
    attempts.push_back({message->position, message->id, ++message->attempt});
  }
  std::ranges::sort(attempts, {}, &Attempt::position);
  return attempts;
}

std::optional<SteadyTime> Outbox::next_time() const {
  std::optional<SteadyTime> next;
  if (!open_) return next;
  for (const auto& [peer, queue] : queues_) {
    std::size_t unconfirmed = 0;
    for (const auto& message : queue) {
      if (message.state == State::published) break;
      next = earlier(next, message.at);
      if (message.state == State::waiting || ++unconfirmed == max_unconfirmed(peer)) break;
    }
  }
  return next;
}

void Outbox::answered(const Attempt& attempt, bool accepted, SteadyTime now) {
  Message* message = find(attempt.id);
  if (message == nullptr || message->attempt != attempt.number) return;
  if (message->state != State::published) return;
  message->state = accepted ? State::accepted : State::waiting;
  message->at = now + (accepted ? message->resend.next() : message->retry.next());
}

std::optional<OutboxPosition> Outbox::position_of(const MessageId& id) {
  const Message* message = find(id);
  return message != nullptr ? std::optional(message->position) : std::nullopt;
}

std::optional<OutboxPosition> Outbox::stored(const MessageId& id) {
  if (const auto peer = peer_of_.find(id); peer != peer_of_.end()) begun(peer->second);
  return remove(id);
}

std::optional<OutboxPosition> Outbox::refused(const MessageId& id, const ErrorEvent& error, SteadyTime now) {
  Message* message = find(id);
  if (message == nullptr) return std::nullopt;
  if (!refused_for_now(error.refusal.code)) return remove(id);
  message->state = State::waiting;
  message->at = now + error.retry_after.value_or(message->retry.next());
  ++message->attempt;  // PUBACK may follow; it says no more than this
  return std::nullopt;
}

Outbox::Message* Outbox::find(const MessageId& id) {
  const auto peer = peer_of_.find(id);
  if (peer == peer_of_.end()) return nullptr;
  auto& queue = queues_.at(peer->second);
  return &*std::ranges::find(queue, id, &Message::id);
}

std::optional<OutboxPosition> Outbox::remove(const MessageId& id) {
  const auto peer = peer_of_.find(id);
  if (peer == peer_of_.end()) return std::nullopt;
  const auto queue = queues_.find(peer->second);
  const auto message = std::ranges::find(queue->second, id, &Message::id);
  const auto position = message->position;
  queue->second.erase(message);
  if (queue->second.empty()) queues_.erase(queue);
  peer_of_.erase(peer);
  return position;
}

}  // namespace duet
