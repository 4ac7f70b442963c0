#include "tests/support/history_checker.h"

#include <algorithm>
#include <array>
#include <map>
#include <ostream>
#include <set>
#include <tuple>
#include <utility>

namespace duet {
namespace {

std::string show(const Envelope& e) {
  return "#" + std::to_string(e.seq) + " " + e.from.str() + "/" + e.id.str();
}

std::string show(const MarksTold& marks) {
  return marks.by + " " + std::to_string(marks.delivered) + "/" + std::to_string(marks.read);
}

// What must be the same wherever a message is seen. (`cur` and `dup` may differ.)
bool same_message(const Envelope& a, const Envelope& b) {
  return a.seq == b.seq && a.id == b.id && a.from == b.from && a.to == b.to && a.ts == b.ts &&
         a.type == b.type && a.body == b.body;
}

class Check {
 public:
  Check(const UserRecord& one, const UserRecord& other) : one_(one), other_(other) {}

  std::vector<Violation> run() {
    check_history_is_one_dense_order();
    check_once();
    check_nothing_invented();
    for (const UserRecord* side : {&one_, &other_}) {
      for (const DeviceRecord& device : side->devices) {
        check_acknowledged_is_stored(side->user, device);
        check_sender_order(side->user, device);
        check_seen(side->user, device);
        check_marks(side->user + " live", device.marks);
        check_marks(side->user + " sync", device.synced_marks);
        check_two_parties(side->user, device);
      }
    }
    check_end_marks();
    return std::move(violations_);
  }

 private:
  void report(Law law, const std::string& what) {
    if (++reported_[law] <= 50) violations_.push_back({law, what});
  }

  // Guarantee 4, at rest.
  void check_history_is_one_dense_order() {
    const auto& history = one_.history;
    if (history.size() != other_.history.size()) {
      report(Law::one_order, "the two sides' histories have " + std::to_string(history.size()) + " and " +
                                 std::to_string(other_.history.size()) + " messages");
    }
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (history[i].seq != i + 1)
        report(Law::dense, "seq " + std::to_string(i + 1) + " is missing: " + show(history[i]));
      if (i > 0 && history[i].ts < history[i - 1].ts)
        report(Law::time, "ts goes back at " + show(history[i]));
      if (i < other_.history.size() && !same_message(history[i], other_.history[i])) {
        report(Law::one_order,
               "the two sides disagree: " + show(history[i]) + " and " + show(other_.history[i]));
      }
    }
  }

  // Guarantee 3.
  void check_once() {
    for (const Envelope& envelope : one_.history) {
      if (!by_id_.emplace(std::pair(envelope.from.str(), envelope.id.str()), &envelope).second) {
        report(Law::once, "stored twice: " + show(envelope));
      }
      by_seq_.emplace(envelope.seq, &envelope);
    }
  }

  void check_nothing_invented() {
    std::set<std::pair<std::string, std::string>> published;
    for (const UserRecord* side : {&one_, &other_}) {
      for (const DeviceRecord& device : side->devices) {
        for (const Attempt& attempt : device.published) published.emplace(side->user, attempt.id);
      }
    }
    for (const auto& [key, envelope] : by_id_) {
      if (!published.contains(key)) report(Law::published, "nobody published " + show(*envelope));
    }
  }

  // Guarantee 2.
  void check_acknowledged_is_stored(const std::string& user, const DeviceRecord& device) {
    for (const Attempt& attempt : device.published) {
      const auto found = by_id_.find({user, attempt.id});
      if (found == by_id_.end()) {
        if (attempt.acknowledged) report(Law::kept, "acknowledged, yet lost: " + user + "/" + attempt.id);
      } else if (found->second->body != attempt.body) {
        report(Law::kept, "another body: " + show(*found->second));
      }
    }
  }

  // Guarantee 4: the order of one sender's messages is the order in which they were accepted.
  void check_sender_order(const std::string& user, const DeviceRecord& device) {
    Seq last = 0;
    for (const Attempt& attempt : device.published) {
      const auto found = by_id_.find({user, attempt.id});
      if (found == by_id_.end()) continue;
      if (found->second->seq < last)
        report(Law::sender_order, "out of the sender's order: " + show(*found->second));
      last = std::max(last, found->second->seq);
    }
  }

  // Guarantees 1, 4 and 5, as a client sees them: live messages come in order and with the stored content,
  // and live and sync together leave nothing out.
  void check_seen(const std::string& user, const DeviceRecord& device) {
    std::set<Seq> seen;
    check_stream(user + " live", device.live, seen);
    std::set<Seq> synced;
    check_stream(user + " sync", device.synced, synced);
    seen.merge(synced);
    for (const auto& [seq, envelope] : by_seq_) {
      if (!seen.contains(seq)) report(Law::complete, user + " never saw " + show(*envelope));
    }
  }

  // A seq may come again; one that is new must be greater than all before it. (Answers to resends come when
  // the resend does.)
  void check_stream(const std::string& who, const std::vector<Envelope>& stream, std::set<Seq>& seen) {
    for (const Envelope& envelope : stream) {
      const auto stored = by_seq_.find(envelope.seq);
      if (stored == by_seq_.end() || !same_message(*stored->second, envelope)) {
        report(Law::stored_first, who + " saw what is not stored: " + show(envelope));
      }
      if (!envelope.duplicate && !seen.contains(envelope.seq) && !seen.empty() &&
          *seen.rbegin() > envelope.seq) {
        report(Law::stream_order,
               who + " saw " + show(envelope) + " after #" + std::to_string(*seen.rbegin()));
      }
      seen.insert(envelope.seq);
    }
  }

  // Marks never go back (a repeat is none), and read <= delivered <= last seq.
  void check_marks(const std::string& who, const std::vector<MarksTold>& told) {
    std::map<std::string, MarksTold> highest;
    std::set<std::tuple<std::string, Seq, Seq>> before;
    for (const MarksTold& marks : told) {
      check_bounds(who, marks);
      MarksTold& high = highest[marks.by];
      const bool repeated = !before.insert({marks.by, marks.delivered, marks.read}).second;
      if (!repeated && (marks.delivered < high.delivered || marks.read < high.read)) {
        report(Law::marks_ascend, who + " saw marks go back: " + show(high) + " and then " + show(marks));
      }
      high = {marks.by, std::max(high.delivered, marks.delivered), std::max(high.read, marks.read)};
    }
  }

  void check_bounds(const std::string& who, const MarksTold& marks) {
    if (marks.read > marks.delivered)
      report(Law::marks_bounded, who + " saw more read than delivered: " + show(marks));
    if (marks.delivered > one_.history.size()) {
      report(Law::marks_bounded, who + " saw marks beyond the last message: " + show(marks));
    }
  }

  // Guarantee 2 for receipts; and both sides are told the same.
  void check_end_marks() {
    for (const auto& [side, peer] : {std::pair(&one_, &other_), std::pair(&other_, &one_)}) {
      if (!side->mine) continue;
      check_bounds(side->user + " at the end", *side->mine);
      for (const DeviceRecord& device : side->devices) {
        const MarksTold& told = device.acknowledged_marks;
        if (told.delivered > side->mine->delivered || told.read > side->mine->read) {
          report(Law::receipt_kept, "an acknowledged receipt is lost: " + side->user + " told " + show(told) +
                                        " and the store has " + show(*side->mine));
        }
      }
      if (peer->theirs &&
          (peer->theirs->delivered != side->mine->delivered || peer->theirs->read != side->mine->read)) {
        report(Law::marks_agree, "the two sides disagree on the marks of " + side->user + ": " +
                                     show(*side->mine) + " and " + show(*peer->theirs));
      }
    }
  }

  // Guarantee 6.
  void check_two_parties(const std::string& user, const DeviceRecord& device) {
    for (const std::string& what : device.foreign)
      report(Law::two_parties, user + " saw what is not for them: " + what);
    for (const auto* stream : {&device.live, &device.synced}) {
      for (const Envelope& e : *stream) {
        const bool ours = (e.from.str() == one_.user && e.to.str() == other_.user) ||
                          (e.from.str() == other_.user && e.to.str() == one_.user);
        if (!ours) report(Law::two_parties, user + " saw what is not for them: " + show(e));
      }
    }
    for (const auto* stream : {&device.marks, &device.synced_marks}) {
      for (const MarksTold& marks : *stream) {
        if (marks.by != one_.user && marks.by != other_.user) {
          report(Law::two_parties, user + " saw what is not for them: marks of " + marks.by);
        }
      }
    }
  }

  const UserRecord& one_;
  const UserRecord& other_;
  std::map<std::pair<std::string, std::string>, const Envelope*> by_id_;
  std::map<Seq, const Envelope*> by_seq_;
  std::map<Law, std::size_t> reported_;
  std::vector<Violation> violations_;
};

}  // namespace

std::string_view to_string(Law law) {
  constexpr std::array<std::string_view, 15> kNames{
      "kept",         "once",          "dense",        "one order",    "sender order",
      "time",         "published",     "stored first", "stream order", "complete",
      "marks ascend", "marks bounded", "receipt kept", "marks agree",  "two parties"};
  return kNames.at(static_cast<std::size_t>(law));
}

std::ostream& operator<<(std::ostream& out, const Violation& violation) {
  return out << to_string(violation.law) << ": " << violation.what;
}

Tally tally(const std::vector<Violation>& violations) {
  Tally sum;
  for (const Violation& violation : violations) {
    switch (violation.law) {
      case Law::kept:
      case Law::complete:
      case Law::receipt_kept:
        ++sum.lost;
        break;
      case Law::once:
        ++sum.duplicated;
        break;
      case Law::dense:
      case Law::one_order:
      case Law::sender_order:
      case Law::stream_order:
        ++sum.out_of_order;
        break;
      case Law::time:
      case Law::published:
      case Law::stored_first:
      case Law::marks_ascend:
      case Law::marks_bounded:
      case Law::marks_agree:
      case Law::two_parties:
        ++sum.other;
        break;
    }
  }
  return sum;
}

std::vector<Violation> check_conversation(const UserRecord& one, const UserRecord& other) {
  return Check(one, other).run();
}

}  // namespace duet
