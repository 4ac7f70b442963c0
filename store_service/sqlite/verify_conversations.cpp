// Three tables in the order of conversations, read side by side: nothing is kept but the conversation in
// hand.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/verify_parts.h"

namespace duet::sqlite {
namespace {

std::string but(const std::string& what, std::uint64_t found, std::uint64_t expected) {
  return what + " " + std::to_string(found) + ", but " + std::to_string(expected) + " expected";
}

// What the messages of a conversation say, so far.
struct Counted {
  Seq last_seq = 0;
  LogNumber last_log = 0;
  Timestamp last_ts{};
  std::uint64_t messages = 0;
  std::array<std::uint64_t, 2> sent{};
  std::array<std::uint64_t, 2> next_sender_count{1, 1};
  std::array<std::uint64_t, 2> seen{};
  std::vector<LogNumber> block;  // of the messages since the last full block
};

class ConversationCheck {
 public:
  ConversationCheck(const Connection& connection, Violations& violations)
      : violations_(violations),
        all_rows_(connection, "read the conversations",
                  "SELECT " + kConversationColumns + " FROM conversations ORDER BY id"),
        all_messages_(connection, "read the messages",
                      "SELECT conversation_id, seq, log_number, sender, sender_count, ts FROM messages "
                      "ORDER BY conversation_id, log_number"),
        all_blocks_(connection, "read the blocks of seqs",
                    "SELECT conversation_id, block, logs FROM seq_blocks ORDER BY conversation_id, block"),
        rows_(all_rows_.query()),
        messages_(all_messages_.query()),
        blocks_(all_blocks_.query()) {}

  void run() {
    more_messages_ = messages_.next();
    more_blocks_ = blocks_.next();
    while (rows_.next()) check(read_conversation(rows_));
    skip_orphans(std::nullopt);
  }

 private:
  void check(const ConversationRow& row) {
    skip_orphans(row.key);
    Counted counted;
    while (more_messages_ && messages_.key<ConversationKey>(0) == row.key) {
      take_message(row, counted);
      more_messages_ = messages_.next();
    }
    compare_ends(row, counted);
    compare_counts(row, counted);
    check_marks(row);
    while (more_blocks_ && blocks_.key<ConversationKey>(0) == row.key) take_stray_block();
  }

  // What belongs to no conversation before `next`, or to none at all.
  void skip_orphans(std::optional<ConversationKey> next) {
    const auto is_orphan = [&](const Cursor& cursor) {
      return !next || cursor.key<ConversationKey>(0) < *next;
    };
    for (; more_messages_ && is_orphan(messages_); more_messages_ = messages_.next()) {
      violations_.add("owner", {messages_.key<ConversationKey>(0), messages_.number(1), messages_.number(2)},
                      "a message without conversation");
    }
    for (; more_blocks_ && is_orphan(blocks_); more_blocks_ = blocks_.next()) {
      violations_.add("owner", {blocks_.key<ConversationKey>(0), {}, {}},
                      "block " + std::to_string(blocks_.number(1)) + " without conversation");
    }
  }

  void take_message(const ConversationRow& row, Counted& counted) {
    const Seq seq = messages_.number(1);
    const LogNumber log_number = messages_.number(2);
    const Place place{row.key, seq, log_number};
    // A hole is told once: counting goes on from what stands there.
    if (seq != counted.last_seq + 1) violations_.add("seq", place, but("seq", seq, counted.last_seq + 1));
    if (messages_.time(5) < counted.last_ts) violations_.add("time", place, "earlier than the one before");
    counted.last_seq = seq;
    counted.last_log = log_number;
    counted.last_ts = messages_.time(5);
    ++counted.messages;
    count_sender(row, place, counted);
    counted.block.push_back(log_number);
    if (counted.block.size() == kSeqBlock) compare_block(row.key, counted);
  }

  void count_sender(const ConversationRow& row, const Place& place, Counted& counted) {
    const std::int64_t sender = messages_.integer(3);
    if (sender != 0 && sender != 1) {
      return violations_.add("counts", place, "the sender is neither of the two");
    }
    const auto side = static_cast<Side>(sender);
    auto& next = counted.next_sender_count[index_of(side)];
    if (messages_.number(4) != next) {
      violations_.add("counts", place, but("its sender's message", messages_.number(4), next));
    }
    next = messages_.number(4) + 1;
    ++counted.sent[index_of(side)];
    const Side reader = other_side(side);
    if (messages_.number(1) <= row.side(reader).marks.read) ++counted.seen[index_of(reader)];
  }

  void compare_block(ConversationKey key, Counted& counted) {
    const std::uint64_t number = counted.messages / kSeqBlock - 1;
    while (more_blocks_ && blocks_.key<ConversationKey>(0) == key && blocks_.number(1) < number) {
      take_stray_block();
    }
    const bool found = more_blocks_ && blocks_.key<ConversationKey>(0) == key && blocks_.number(1) == number;
    if (!found) {
      violations_.add("index", {key, {}, {}}, "block " + std::to_string(number) + " is missing");
    } else {
      if (blocks_.blob(2) != encode_logs(counted.block)) {
        violations_.add("index", {key, {}, {}},
                        "block " + std::to_string(number) + " names other messages than there are");
      }
      more_blocks_ = blocks_.next();
    }
    counted.block.clear();
  }

  void take_stray_block() {
    violations_.add("index", {blocks_.key<ConversationKey>(0), {}, {}},
                    "block " + std::to_string(blocks_.number(1)) + " has no messages");
    more_blocks_ = blocks_.next();
  }

  void compare_ends(const ConversationRow& row, const Counted& counted) {
    const Place place{row.key, {}, {}};
    if (counted.messages == 0) violations_.add("seq", place, "a conversation without messages");
    if (row.last_seq != counted.last_seq) {
      violations_.add("seq", place, but("last_seq", row.last_seq, counted.last_seq));
    }
    if (row.last_log != counted.last_log) {
      violations_.add("index", place, but("last_log", row.last_log, counted.last_log));
    }
    if (row.last_ts != counted.last_ts) violations_.add("time", place, "last_ts is not the last message's");
    if (row.tail != counted.block) {
      violations_.add("index", place, "the tail names other messages than there are");
    }
  }

  void compare_counts(const ConversationRow& row, const Counted& counted) {
    for (const Side side : {Side::a, Side::b}) {
      const std::string name = side == Side::a ? "a" : "b";
      const auto& state = row.side(side);
      if (state.sent != counted.sent[index_of(side)]) {
        violations_.add("counts", {row.key, {}, {}},
                        but(name + "_sent", state.sent, counted.sent[index_of(side)]));
      }
      if (state.seen != counted.seen[index_of(side)]) {
        violations_.add("counts", {row.key, {}, {}},
                        but(name + "_seen", state.seen, counted.seen[index_of(side)]));
      }
    }
  }

  void check_marks(const ConversationRow& row) {
    for (const Side side : {Side::a, Side::b}) {
      const auto& state = row.side(side);
      const std::string name = side == Side::a ? "a" : "b";
      if (state.marks.read > state.marks.delivered || state.marks.delivered > row.last_seq) {
        violations_.add("marks", {row.key, {}, {}},
                        name + " has read " + std::to_string(state.marks.read) + ", delivered " +
                            std::to_string(state.marks.delivered) + ", of " + std::to_string(row.last_seq));
      }
      if ((state.marks.delivered > 0) != (state.receipt_log != 0)) {
        violations_.add("receipts", {row.key, {}, state.receipt_log},
                        name + " has marks without receipt, or a receipt without marks");
      }
    }
  }

  Violations& violations_;
  Statement all_rows_;
  Statement all_messages_;
  Statement all_blocks_;
  Cursor rows_;
  Cursor messages_;
  Cursor blocks_;
  bool more_messages_ = false;
  bool more_blocks_ = false;
};

}  // namespace

void verify_conversations(const Connection& connection, Violations& violations) {
  ConversationCheck(connection, violations).run();
}

}  // namespace duet::sqlite
