#include "client/receipts.h"

#include <algorithm>
#include <utility>

namespace duet {
namespace {

bool told(const PeerMarks& marks) {
  return marks.delivered >= marks.delivered_wanted && marks.read >= marks.read_wanted;
}

// Whether `mark` has risen.
bool rise(Seq& mark, Seq to) {
  if (to <= mark) return false;
  mark = to;
  return true;
}

}  // namespace

Receipts::Receipts(std::map<UserId, PeerMarks> marks) : marks_(std::move(marks)) {
  for (const auto& [peer, of_peer] : marks_) {
    if (!told(of_peer)) sending_[peer];
  }
}

// The caller looks at what it returns before anything else changes.
PeerMarks& Receipts::change(const UserId& peer) {
  changed_.insert_or_assign(peer, PeerMarks{});  // its value is taken at take_changed()
  return marks_[peer];
}

void Receipts::set_seen(const UserId& peer, Seq seq) {
  change(peer).seen = seq;
}

void Receipts::rewind(const UserId& peer, PeerMarks store) {
  auto& marks = change(peer);
  store.delivered_wanted = std::max(store.delivered, std::min(marks.delivered_wanted, store.seen));
  store.read_wanted = std::max(store.read, std::min(marks.read_wanted, store.seen));
  marks = store;
  if (told(marks)) {
    sending_.erase(peer);
  } else {
    sending_[peer];
  }
}

void Receipts::want_delivered(const UserId& peer, Seq seq) {
  auto& marks = change(peer);
  rise(marks.delivered_wanted, seq);
  if (!told(marks)) sending_[peer];
}

void Receipts::want_read(const UserId& peer, Seq seq) {
  auto& marks = change(peer);
  rise(marks.read_wanted, seq);
  rise(marks.delivered_wanted, seq);  // read implies delivered
  if (!told(marks)) sending_[peer];
}

bool Receipts::raise(const UserId& me, const UserId& peer, const Receipt& receipt) {
  auto& marks = change(peer);
  if (receipt.by != me) {
    const bool delivered = rise(marks.peer_delivered, receipt.delivered);
    return rise(marks.peer_read, receipt.read) || delivered;
  }
  const bool delivered = rise(marks.delivered, receipt.delivered);
  const bool read = rise(marks.read, receipt.read);
  rise(marks.delivered_wanted, receipt.delivered);
  rise(marks.read_wanted, receipt.read);
  if (told(marks)) sending_.erase(peer);
  return delivered || read;
}

void Receipts::close() {
  open_ = false;
  for (auto& [peer, sending] : sending_) sending = Sending{};
}

std::vector<Receipts::Due> Receipts::due(SteadyTime now) {
  std::vector<Due> all;
  if (!open_) return all;
  for (auto& [peer, sending] : sending_) {
    if (sending.on_its_way || sending.at > now) continue;
    sending.on_its_way = true;
    const auto& marks = marks_.at(peer);
    all.push_back({peer, {.delivered = marks.delivered_wanted, .read = marks.read_wanted}});
  }
  return all;
}

std::optional<SteadyTime> Receipts::next_time() const {
  std::optional<SteadyTime> next;
  if (!open_) return next;
  for (const auto& [peer, sending] : sending_) {
    if (!sending.on_its_way) next = earlier(next, sending.at);
  }
  return next;
}

void Receipts::answered(const Due& due, bool accepted, SteadyTime now) {
  if (accepted) {
    auto& marks = change(due.peer);
    // It may have been taken back since: refused, or of a history that is no more.
    rise(marks.delivered, std::min(due.payload.delivered, marks.delivered_wanted));
    rise(marks.read, std::min(due.payload.read, marks.read_wanted));
    if (told(marks)) {
      sending_.erase(due.peer);
      return;
    }
  }
  const auto sending = sending_.find(due.peer);
  if (sending == sending_.end() || !sending->second.on_its_way) return;
  sending->second.on_its_way = false;
  sending->second.at = accepted ? now : now + sending->second.retry.next();
}

void Receipts::refused(const UserId& peer, const ErrorEvent& error, SteadyTime now) {
  const auto sending = sending_.find(peer);
  if (error.refusal.code == ErrorCode::rate_limited || error.refusal.code == ErrorCode::unavailable) {
    if (sending == sending_.end()) return;
    sending->second.on_its_way = false;
    sending->second.at = now + error.retry_after.value_or(sending->second.retry.next());
    return;
  }
  // It will never be taken: blocked, or beyond the last message.
  auto& marks = change(peer);
  marks.delivered_wanted = marks.delivered;
  marks.read_wanted = marks.read;
  if (sending != sending_.end()) sending_.erase(sending);
}

std::map<UserId, PeerMarks> Receipts::take_changed() {
  auto changed = std::exchange(changed_, {});
  for (auto& [peer, marks] : changed) marks = marks_.at(peer);
  return changed;
}

}  // namespace duet
