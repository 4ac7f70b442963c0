#include "client/follower.h"

#include <utility>

#include "client/reply_fields.h"
#include "file_io/crash_point.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::uint64_t kPageLimit = 200;
// The cursor moves by sync alone, never by what arrives live: what a full queue of the broker has dropped is
// found by the next sync. So there is one from time to time while something happens.
constexpr std::chrono::seconds kSyncInterval{30};
constexpr std::chrono::seconds kSyncRetry{5};

}  // namespace

Follower::Follower(UserId me, bool receipts, const ClientHandlers& handlers, Ports ports,
                   std::map<UserId, PeerMarks> marks, std::optional<std::string> cursor)
    : me_(std::move(me)),
      tell_delivered_(receipts),
      handlers_(handlers),
      ports_(std::move(ports)),
      receipts_(std::move(marks)),
      rewind_({.ask = ports_.ask,
               .told = ports_.told,
               .rewound = [this](const UserId& peer, const PeerMarks& m) { on_rewound(peer, m); },
               .done = [this](bool complete) { on_rewind_done(complete); }}),
      cursor_(std::move(cursor).value_or("")) {
  for (const auto& [peer, of_peer] : receipts_.marks()) {
    inbox_.set_seen(peer, of_peer.seen);
    must_compare_ = must_compare_ || (cursor_.empty() && of_peer.seen > 0);
  }
}

void Follower::connected() {
  phase_ = Phase::syncing;
  sync();
}

void Follower::disconnected() {
  phase_ = Phase::away;
  receipts_.close();
  next_sync_.reset();
}

void Follower::on_message(const UserId& peer, const Envelope& envelope) {
  if (envelope.from == peer && envelope.to == me_) take(peer, envelope);
}

void Follower::on_sent(const UserId& peer, const Envelope& envelope) {
  if (envelope.from != me_ || envelope.to != peer) return;
  const bool mine = ports_.take_from_outbox(envelope.id);
  if (mine && envelope.seq <= inbox_.seen(peer)) {
    if (handlers_.on_sent) handlers_.on_sent(envelope);  // the store had it already
    return;
  }
  take(peer, envelope);
}

void Follower::take(const UserId& peer, const Envelope& envelope) {
  if (stopped_) return;
  tell(peer, inbox_.take(peer, envelope));
  if (phase_ != Phase::live) return;  // sync will fill what is missing
  sync_later();
  if (inbox_.has_hole(peer)) fill_hole(peer);
}

void Follower::tell(const UserId& peer, const std::vector<Envelope>& envelopes) {
  for (const auto& envelope : envelopes) {
    if (stopped_) return;
    const bool from_peer = envelope.from == peer;
    const auto& handler = from_peer ? handlers_.on_message : handlers_.on_sent;
    DUET_CRASH_POINT("client.told.before");
    if (handler) handler(envelope);
    DUET_CRASH_POINT("client.told.after");
    receipts_.set_seen(peer, envelope.seq);
    newly_told_.push_back({peer, envelope.seq, envelope.id});
    unsettled_.insert(peer);
    if (from_peer && tell_delivered_) receipts_.want_delivered(peer, envelope.seq);
  }
}

void Follower::on_receipt(const UserId& peer, const Receipt& receipt) {
  if (stopped_ || (receipt.by != me_ && receipt.by != peer)) return;
  if (phase_ == Phase::live) sync_later();
  if (receipts_.raise(me_, peer, receipt) && handlers_.on_receipt) handlers_.on_receipt(peer, receipt);
}

std::optional<std::string> Follower::take_changed_cursor() {
  if (!std::exchange(cursor_changed_, false)) return std::nullopt;
  return cursor_;
}

void Follower::at_time(SteadyTime now) {
  if (!next_sync_ || *next_sync_ > now) return;
  next_sync_.reset();
  sync();
}

void Follower::sync_later() {
  if (!next_sync_) next_sync_ = ports_.now() + kSyncInterval;
}

void Follower::sync() {
  if (must_compare_) return start_rewind();
  if (std::exchange(asking_, true)) return;  // it is asked again by itself after a new connection
  RequestPayload parameters;
  parameters.limit = kPageLimit;
  if (!cursor_.empty()) parameters.cursor = cursor_;
  ports_.ask("sync", std::move(parameters),
             [this](const Requests::Answer& answer) { on_sync_answer(answer); });
}

void Follower::on_sync_answer(const Requests::Answer& answer) {
  asking_ = false;
  if (stopped_) return;
  if (answer) return apply_page(*answer);
  if (answer.error().code == ErrorCode::reset || answer.error().code == ErrorCode::malformed) {
    return start_rewind();
  }
  next_sync_ = ports_.now() + kSyncRetry;
}

void Follower::apply_page(const json& page) {
  receipts_.open();  // not before: the store may be another than the one they were meant for
  for (const auto& change : list_member(page, "changes")) {
    if (stopped_) return;  // the rest is for the next follower, so the cursor stays
    apply_change(change);
  }
  if (stopped_) return;
  unsettled_.clear();
  auto cursor = text_member(page, "cursor");
  if (!cursor.empty() && cursor != cursor_) {
    cursor_ = std::move(cursor);
    cursor_changed_ = true;
  }
  if (!true_member(page, "live")) return sync();
  if (phase_ == Phase::syncing) {
    phase_ = Phase::live;
    ports_.live();
    if (handlers_.on_live) handlers_.on_live();
  }
  fill_holes();
}

// Kinds that are not known here are for newer clients.
void Follower::apply_change(const json& change) {
  const auto kind = text_member(change, "kind");
  if (kind == "msg" || kind == "sent") {
    const auto envelope = envelope_from(change);
    if (!envelope) return;
    return kind == "msg" ? on_message(envelope->from, *envelope) : on_sent(envelope->to, *envelope);
  }
  if (kind == "receipt") {
    const auto peer = UserId::parse(text_member(change, "peer"));
    const auto receipt = receipt_from(change);
    if (peer && receipt) on_receipt(*peer, *receipt);
  }
}

// The store has another history than the cursor's: what was told is compared with it, then the sync starts at
// the beginning.
void Follower::start_rewind() {
  if (std::exchange(asking_, true)) return;
  std::map<UserId, Rewind::Known> known;
  for (const auto& [peer, marks] : receipts_.marks()) {
    known.insert_or_assign(peer, Rewind::Known{marks.seen, !unsettled_.contains(peer)});
  }
  rewind_.start(std::move(known));
}

void Follower::on_rewound(const UserId& peer, const PeerMarks& marks) {
  if (stopped_) return;
  inbox_.rewind(peer, marks.seen);
  receipts_.rewind(peer, marks);
}

void Follower::on_rewind_done(bool complete) {
  asking_ = false;
  if (stopped_) return;
  if (!complete) {
    next_sync_ = ports_.now() + kSyncRetry;
    return;
  }
  must_compare_ = false;
  cursor_.clear();
  cursor_changed_ = true;
  sync();
}

void Follower::fill_holes() {
  for (const auto& peer : inbox_.peers_with_holes()) fill_hole(peer);
}

void Follower::fill_hole(const UserId& peer) {
  if (stopped_ || !filling_.insert(peer).second) return;
  RequestPayload parameters;
  parameters.with = peer;
  parameters.after = inbox_.seen(peer);
  parameters.limit = kPageLimit;
  ports_.ask("history", std::move(parameters),
             [this, peer](const Requests::Answer& answer) { on_history_answer(peer, answer); });
}

void Follower::on_history_answer(const UserId& peer, const Requests::Answer& answer) {
  const auto seen_before = inbox_.seen(peer);
  if (answer && !stopped_) apply_history(peer, *answer);
  filling_.erase(peer);
  if (!answer || stopped_) return;  // the next message or sync sees the hole again
  if (inbox_.has_hole(peer) && inbox_.seen(peer) == seen_before) tell(peer, inbox_.give_up_hole(peer));
  if (inbox_.has_hole(peer)) fill_hole(peer);
}

void Follower::apply_history(const UserId& peer, const json& page) {
  bool first = true;
  for (const auto& message : list_member(page, "messages")) {
    const auto envelope = envelope_from(message);
    if (!envelope) continue;
    if (std::exchange(first, false)) tell(peer, inbox_.skip_to(peer, envelope->seq));
    envelope->from == me_ ? on_sent(peer, *envelope) : on_message(peer, *envelope);
  }
}

}  // namespace duet
