#include "client/rewind.h"

#include <algorithm>
#include <utility>

#include "client/reply_fields.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

// Up to where every message that was told stands in the history with the same seq; 0 when the first that is
// remembered does not, because nobody knows what comes before it.
Seq agreed_seq(const ToldOfPeer& told, const nlohmann::json& history) {
  ToldOfPeer stored;
  for (const auto& message : list_member(history, "messages")) {
    if (const auto envelope = envelope_from(message)) stored.emplace(envelope->seq, envelope->id);
  }
  Seq agreed = 0;
  for (const auto& [seq, id] : told) {
    const auto found = stored.find(seq);
    if (found == stored.end() || found->second != id) return agreed;
    agreed = seq;
  }
  return agreed;
}

PeerMarks marks_in(const nlohmann::json& conversation) {
  const auto mark = [&](const char* whose, const char* name) {
    const auto* marks = find_member(conversation, whose);
    return marks == nullptr ? 0 : number_member(*marks, name);
  };
  return {.delivered = mark("mine", "delivered"),
          .read = mark("mine", "read"),
          .peer_delivered = mark("theirs", "delivered"),
          .peer_read = mark("theirs", "read")};
}

}  // namespace

void Rewind::start(std::map<UserId, Known> known) {
  known_ = std::move(known);
  stored_.clear();
  ask_conversations(std::nullopt);
}

void Rewind::ask_conversations(std::optional<std::string> before) {
  RequestPayload parameters;
  parameters.limit = kToldMessages;
  parameters.before_cursor = std::move(before);
  ports_.ask("conversations", std::move(parameters),
             [this](const Requests::Answer& answer) { on_conversations(answer); });
}

void Rewind::on_conversations(const Requests::Answer& answer) {
  if (!answer) return ports_.done(false);
  for (const auto& conversation : list_member(*answer, "conversations")) {
    const auto peer = UserId::parse(text_member(conversation, "peer"));
    const auto* last = find_member(conversation, "last");
    const auto envelope = last == nullptr ? std::nullopt : envelope_from(*last);
    if (!peer || !envelope) continue;
    stored_.insert_or_assign(*peer, Stored{envelope->seq, envelope->id, marks_in(conversation)});
  }
  auto next = text_member(*answer, "cursor");
  if (true_member(*answer, "more") && !next.empty()) return ask_conversations(std::move(next));
  compare_next();
}

std::optional<Seq> Rewind::place_of(const Known& known, const ToldOfPeer& told, const Stored& stored) {
  if (told.empty()) return std::min(known.seen, stored.last);  // of a client that did not remember yet
  const auto last = told.find(stored.last);
  const bool same_last = last != told.end() && last->second == stored.last_id;
  if (known.settled && same_last) return stored.last;
  return std::nullopt;
}

void Rewind::compare_next() {
  while (!known_.empty()) {
    const UserId peer = known_.begin()->first;
    PeerMarks marks;  // of a conversation that the store does not know
    if (const auto stored = stored_.find(peer); stored != stored_.end()) {
      const ToldOfPeer told = ports_.told(peer);
      const auto place = place_of(known_.begin()->second, told, stored->second);
      if (!place) return ask_history(peer, told.begin()->first - 1);
      marks = stored->second.marks;
      marks.seen = *place;
    }
    ports_.rewound(peer, marks);
    known_.erase(peer);
  }
  ports_.done(true);
}

void Rewind::ask_history(const UserId& peer, Seq after) {
  RequestPayload parameters;
  parameters.with = peer;
  parameters.after = after;
  parameters.limit = kToldMessages;
  ports_.ask("history", std::move(parameters),
             [this, peer](const Requests::Answer& answer) { on_history(peer, answer); });
}

void Rewind::on_history(const UserId& peer, const Requests::Answer& answer) {
  if (!answer) return ports_.done(false);
  PeerMarks marks = stored_.at(peer).marks;
  marks.seen = agreed_seq(ports_.told(peer), *answer);
  ports_.rewound(peer, marks);
  known_.erase(peer);
  compare_next();
}

}  // namespace duet
