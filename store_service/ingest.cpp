#include "store_service/ingest.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/probe_names.h"
#include "protocol/topic.h"
#include "store_service/cursor.h"

namespace duet {
namespace {

Refusal to_oneself() {
  return {ErrorCode::malformed, "a conversation has two different users"};
}

// Not a code of its own: to a client that does not know a code the error says nothing, and it would send the
// message again and again.
Refusal not_accepted() {
  return {ErrorCode::not_authorized, "the peer has not accepted your messages; no more of them until then"};
}

Refusal unknown_recipient() {
  return {ErrorCode::not_found, "there is no user of this name"};
}

// Why a record changes nothing but the offset.
struct Refused {
  Refusal refusal;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

class Ingestion {
 public:
  Ingestion(WriteTransaction& transaction, const IngestRules& rules)
      : transaction_(transaction), rules_(rules) {}

  void apply(const IngestFrame& frame) {
    NodeProgress& node = progress_of(frame.node);
    if (frame.records.empty()) {
      node.said_hello = true;
      node.last = std::max(node.last, frame.previous);
      return;
    }
    if (frame.previous > node.offset) {
      node.left_a_hole = true;
      return;
    }
    const RecordNumber first = frame.records.front().n;
    if (frame.previous == 0 && first > node.offset + 1) {
      out_.lost.push_back({frame.node, node.offset + 1, first - 1});
    }
    node.sent_records = true;
    node.left_a_hole = false;
    for (const auto& record : frame.records) {
      if (record.n <= node.offset) continue;
      apply(frame.node, record);
      node.offset = record.n;
    }
    node.last = std::max(node.last, node.offset);
    transaction_.set_ingest_offset(frame.node, rules_.partition, node.offset);
  }

  Ingested take() { return std::move(out_); }

 private:
  NodeProgress& progress_of(const NodeId& node) {
    const auto [place, added] = out_.nodes.try_emplace(node);
    if (added) place->second.offset = transaction_.ingest_offset(node, rules_.partition);
    return place->second;
  }

  void apply(const NodeId& node, const Record& record) {
    const auto refused =
        record.kind == RecordKind::message ? apply_message(node, record) : apply_receipt(record);
    if (!refused) return;
    out_.refused.push_back({node, record.n, refused->refusal.code});
    const bool message = record.kind == RecordKind::message;
    const OutTopic topic{record.user, record.peer, message ? OutKind::message : OutKind::receipt};
    add_error({record.user, record.device},
              {refused->refusal, format_topic(topic),
               message ? find_message_id(record.payload) : std::nullopt, refused->retry_after},
              out_.deliveries);
  }

  // The broker's plugin has checked the same; what a journal holds is checked again, because the rules may
  // have changed since.
  std::optional<Refused> apply_message(const NodeId& node, const Record& record) {
    if (record.user == record.peer) return Refused{to_oneself()};
    auto message = parse_message(record.payload, rules_.limits);
    if (!message) return Refused{std::move(message).error()};
    // The broker accepted it before the account of this name was made: it is not for its owner.
    const auto claimed = transaction_.claimed_at(record.peer);
    if (claimed && record.ts <= *claimed) return Refused{unknown_recipient()};
    const Standing standing = transaction_.standing(record.user, record.peer);
    if (standing.blocked) return Refused{blocked_by_peer()};
    auto id = message->id ? *std::move(message->id) : given_id(node, record.n);
    if (standing.consent == Consent::waits_for_peer && !may_ask_again(standing, record, id)) {
      return Refused{not_accepted()};
    }
    if (!standing.exists) {
      // First the limit: it bounds how fast names can be tried.
      if (auto refused = take_new_conversation(record)) return refused;
      if (!may_receive(record.peer)) return Refused{unknown_recipient()};
    }
    if (standing.sent == 0) transaction_.note_seen(record.user);
    store({record.user, record.peer, std::move(id), record.ts, std::move(message->type),
           std::move(message->body), rules_.strangers.require_consent});
    return std::nullopt;
  }

  bool may_receive(const UserId& peer) {
    return rules_.strangers.unknown == UnknownRecipients::keep || is_probe(peer) ||
           transaction_.is_known(peer);
  }

  // A request has a few messages. A resend is none more.
  bool may_ask_again(const Standing& standing, const Record& record, const MessageId& id) {
    const auto& rules = rules_.strangers;
    return !rules.require_consent || standing.sent < rules.consent_messages ||
           transaction_.find(record.user, record.peer, id).has_value();
  }

  std::optional<Refused> take_new_conversation(const Record& record) {
    const auto& limit = rules_.strangers.new_conversations;
    if (limit.per_second <= 0) return std::nullopt;
    // By the record's time, and stored with what it begins: applied again it comes to the same.
    const auto taken = take_token(limit, transaction_.begun_full_at(record.user), record.ts);
    if (!taken.wait) {
      transaction_.set_begun_full_at(record.user, taken.full_at);
      return std::nullopt;
    }
    return Refused{{ErrorCode::rate_limited, "too many new conversations in a short time"}, taken.wait};
  }

  void store(const NewMessage& message) {
    auto [stored, duplicate, released] = transaction_.append(message);
    stored.envelope.cursor = format_cursor(rules_.epoch, stored.log_number);
    stored.envelope.duplicate = duplicate;
    if (duplicate) {
      add_duplicate(stored.envelope, out_.deliveries);
      ++out_.duplicates;
    } else {
      add_message(stored.envelope, stored.log_number, out_.deliveries);
      ++out_.messages;
    }
    if (released) add_released(message.from, message.to, *released, rules_.epoch, out_.deliveries);
  }

  std::optional<Refused> apply_receipt(const Record& record) {
    if (record.user == record.peer) return Refused{to_oneself()};
    auto receipt = parse_receipt(record.payload, rules_.limits);
    if (!receipt) return Refused{std::move(receipt).error()};
    // Also where the peer has blocked the user: it concerns pushes to the user's own device alone.
    transaction_.note_device_receipt({record.user, record.device}, record.peer,
                                     {receipt->delivered, receipt->read});
    if (transaction_.standing(record.user, record.peer).blocked) return Refused{blocked_by_peer()};
    const auto raised =
        transaction_.raise_marks(record.user, record.peer, {receipt->delivered, receipt->read});
    if (raised.outcome == RaisedMarks::Outcome::not_found) {
      return Refused{{ErrorCode::not_found, "the conversation has no message with this seq"}};
    }
    if (raised.outcome == RaisedMarks::Outcome::unchanged) return std::nullopt;
    const Receipt told{record.user, raised.marks.delivered, raised.marks.read,
                       format_cursor(rules_.epoch, raised.log_number)};
    if (raised.withheld) {
      add_withheld_receipt(told, record.peer, raised.log_number, out_.deliveries);
    } else {
      add_receipt(told, record.peer, raised.log_number, out_.deliveries);
    }
    ++out_.receipts;
    return std::nullopt;
  }

  // The name of a message that came without one; the same whenever the record comes again.
  static MessageId given_id(const NodeId& node, RecordNumber n) {
    return MessageId::parse(node.str() + "." + std::to_string(n)).value();
  }

  WriteTransaction& transaction_;
  const IngestRules& rules_;
  Ingested out_;
};

}  // namespace

Refusal blocked_by_peer() {
  return {ErrorCode::blocked, "the peer has blocked you"};
}

Ingested ingest(WriteTransaction& transaction, std::span<const IngestFrame> frames,
                const IngestRules& rules) {
  Ingestion ingestion(transaction, rules);
  for (const auto& frame : frames) ingestion.apply(frame);
  return ingestion.take();
}

}  // namespace duet
