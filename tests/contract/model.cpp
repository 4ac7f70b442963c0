#include "tests/contract/model.h"

#include <algorithm>
#include <set>

namespace duet {
namespace {

bool is_between(const Envelope& envelope, const UserId& one, const UserId& other) {
  return (envelope.from == one && envelope.to == other) || (envelope.from == other && envelope.to == one);
}

}  // namespace

Appended Model::append(const NewMessage& message) {
  Seq last_seq = 0;
  Timestamp ts = message.ts;
  for (const StoredMessage& stored : messages_) {
    if (!is_between(stored.envelope, message.from, message.to)) continue;
    if (stored.envelope.from == message.from && stored.envelope.id == message.id) return {stored, true};
    last_seq = stored.envelope.seq;
    ts = std::max(ts, stored.envelope.ts);
  }
  messages_.push_back(
      {{last_seq + 1, message.id, message.from, message.to, ts, message.type, message.body, "", false},
       ++last_log_});
  return {messages_.back(), false};
}

RaisedMarks Model::raise_marks(const UserId& by, const UserId& peer, const Marks& marks) {
  const auto messages = history(by, peer);
  const Marks before = marks_of(by, peer);
  const auto stored = marks_.find({by, peer});
  const LogNumber log_number = stored == marks_.end() ? 0 : stored->second.log_number;
  if (std::max(marks.delivered, marks.read) > messages.size() || messages.empty()) {
    return {RaisedMarks::Outcome::not_found, before, log_number};
  }
  const Marks after{std::max({before.delivered, marks.delivered, marks.read}),
                    std::max(before.read, marks.read)};
  if (after == before) return {RaisedMarks::Outcome::unchanged, before, log_number};
  marks_[{by, peer}] = {after, ++last_log_};
  return {RaisedMarks::Outcome::raised, after, last_log_};
}

Marks Model::marks_of(const UserId& by, const UserId& peer) const {
  const auto found = marks_.find({by, peer});
  return found == marks_.end() ? Marks{} : found->second.marks;
}

std::vector<Envelope> Model::history(const UserId& one, const UserId& other) const {
  std::vector<Envelope> found;
  for (const StoredMessage& stored : messages_) {
    if (is_between(stored.envelope, one, other)) found.push_back(stored.envelope);
  }
  return found;
}

std::vector<StoreReader::SummaryItem> Model::conversations(const UserId& me) const {
  std::vector<StoreReader::SummaryItem> found;
  std::set<UserId> seen;
  for (auto stored = messages_.rbegin(); stored != messages_.rend(); ++stored) {
    const Envelope& last = stored->envelope;
    if (last.from != me && last.to != me) continue;
    const UserId& peer = last.from == me ? last.to : last.from;
    if (!seen.insert(peer).second) continue;
    const auto messages = history(me, peer);
    const Marks mine = marks_of(me, peer);
    const auto unread = std::count_if(messages.begin(), messages.end(), [&](const Envelope& envelope) {
      return envelope.from == peer && envelope.seq > mine.read;
    });
    found.push_back(
        {{peer, last, static_cast<Seq>(unread), mine, marks_of(peer, me), false}, stored->log_number});
  }
  return found;
}

std::vector<std::pair<LogNumber, std::variant<Envelope, Receipt>>> Model::log(LogNumber after) const {
  std::map<LogNumber, std::variant<Envelope, Receipt>> entries;
  for (const StoredMessage& stored : messages_) entries.emplace(stored.log_number, stored.envelope);
  for (const auto& [direction, mark] : marks_) {
    entries.emplace(mark.log_number, Receipt{direction.first, mark.marks.delivered, mark.marks.read, ""});
  }
  return {entries.upper_bound(after), entries.end()};
}

std::vector<Change> Model::changes(const UserId& me, LogNumber after) const {
  std::vector<Change> found;
  for (const StoredMessage& stored : messages_) {
    const Envelope& envelope = stored.envelope;
    if (stored.log_number <= after || (envelope.from != me && envelope.to != me)) continue;
    const bool mine = envelope.from == me;
    found.push_back({stored.log_number, mine ? envelope.to : envelope.from,
                     mine ? Change::Kind::sent : Change::Kind::message, envelope});
  }
  for (const auto& [direction, mark] : marks_) {
    const auto& [by, peer] = direction;
    if (mark.log_number <= after || (by != me && peer != me)) continue;
    found.push_back({mark.log_number, by == me ? peer : by, Change::Kind::receipt,
                     Receipt{by, mark.marks.delivered, mark.marks.read, ""}});
  }
  std::sort(found.begin(), found.end(),
            [](const Change& one, const Change& other) { return one.log_number < other.log_number; });
  return found;
}

}  // namespace duet
