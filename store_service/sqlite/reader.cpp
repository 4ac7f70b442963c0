#include "store_service/sqlite/reader.h"

#include <algorithm>
#include <limits>
#include <map>
#include <queue>

#include "store_service/sqlite/device_receipts.h"
#include "store_service/sqlite/page_builder.h"

namespace duet::sqlite {
namespace {

// Log numbers come from cursors, which are clients' text; SQLite's integers are signed.
LogNumber clamp(LogNumber log_number) {
  return std::min<LogNumber>(log_number, std::numeric_limits<std::int64_t>::max());
}

// Both sides of a user's conversations: `columns` of those that meet `condition`.
std::string of_both_sides(const std::string& columns, const std::string& condition) {
  return "SELECT " + columns + " FROM conversations WHERE user_a = ?1 AND " + condition +
         " UNION ALL SELECT " + columns + " FROM conversations WHERE user_b = ?1 AND " + condition;
}

// What comes next from one conversation: a message, or the last receipt of a side.
struct NextChange {
  LogNumber log_number;
  std::size_t conversation;
  Seq seq;  // 0: a receipt

  // For std::priority_queue: the lowest log number on top.
  friend bool operator<(const NextChange& one, const NextChange& other) {
    return one.log_number > other.log_number;
  }
};

}  // namespace

SqliteReader::SqliteReader(const std::filesystem::path& file, const SqliteOptions& options)
    : connection_(file, Connection::Mode::read_only),
      users_(connection_, options.users / 8),
      seqs_(connection_),
      push_(connection_, users_),
      begin_(connection_, "begin reading", "BEGIN"),
      end_(connection_, "end reading", "COMMIT"),
      find_conversation_(
          connection_, "find a conversation",
          "SELECT " + kConversationColumns + " FROM conversations WHERE user_a = ?1 AND user_b = ?2"),
      conversation_by_key_(connection_, "find a conversation by key",
                           "SELECT " + kConversationColumns + " FROM conversations WHERE id = ?1"),
      conversations_of_(
          connection_, "find a user's conversations",
          of_both_sides(kConversationColumns, "max(last_log, a_receipt_log, b_receipt_log) > ?2")),
      newest_of_(connection_, "find a user's newest conversations",
                 of_both_sides("last_log", "last_log < ?2") + " ORDER BY last_log DESC LIMIT ?3"),
      peers_(connection_, "find a user's peers", of_both_sides("user_a, user_b", "true")),
      find_message_(connection_, "read a message",
                    "SELECT " + kMessageColumns + " FROM messages WHERE log_number = ?1"),
      last_log_(connection_, "read the last log number", kLastLogQuery),
      blocked_by_(connection_, "read a user's blocks",
                  "SELECT name FROM blocks JOIN users ON id = blocked WHERE blocker = ?1 ORDER BY name"),
      find_block_(connection_, "look up a block", "SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2"),
      all_blocks_(
          connection_, "read the blocks",
          "SELECT r.name, d.name FROM blocks JOIN users r ON r.id = blocker JOIN users d ON d.id = blocked"),
      devices_(connection_, "read a user's devices",
               "SELECT device, last_seen, push_platform, push_refused FROM devices WHERE user_id = ?1 ORDER "
               "BY device"),
      last_seen_(connection_, "read when a user was seen",
                 "SELECT max(last_seen) FROM devices WHERE user_id = ?1"),
      messages_after_(connection_, "read undelivered messages",
                      "SELECT " + kMessageColumns +
                          ", user_a, user_b FROM messages CROSS JOIN conversations ON id = conversation_id "
                          "WHERE log_number > ?1 ORDER BY log_number LIMIT ?2"),
      receipts_after_(connection_, "read undelivered receipts",
                      "SELECT log_number, side, user_a, user_b, a_delivered, a_read, b_delivered, b_read, "
                      "coalesce(awaits = side, 0) "
                      "FROM receipts CROSS JOIN conversations ON id = conversation_id "
                      "WHERE log_number > ?1 ORDER BY log_number LIMIT ?2"),
      delivered_mark_(connection_, "read the delivered mark", "SELECT delivered_mark FROM meta") {
  connection_.execute("prepare for reading", "PRAGMA query_only = ON; PRAGMA cache_size = -" +
                                                 std::to_string(options.reader_cache_kib));
}

SqliteReader::Snapshot::Snapshot(SqliteReader& reader) : reader_(reader) {
  reader_.begin_.execute();
}

SqliteReader::Snapshot::~Snapshot() {
  try {
    reader_.end_.execute();
  } catch (const StoreError&) {
    // Nothing was written, so nothing is lost; if the snapshot is still open, the next one will fail and say
    // so.
  }
}

std::optional<ConversationRow> SqliteReader::find_conversation(const UserId& one, const UserId& other) {
  const auto one_key = users_.find(one);
  const auto other_key = users_.find(other);
  if (!one_key || !other_key || one == other) return std::nullopt;
  const UserPair pair = pair_of(*one_key, *other_key);
  Cursor row = find_conversation_.query(pair.users[0], pair.users[1]);
  if (!row.next()) return std::nullopt;
  return read_conversation(row);
}

std::vector<ConversationRow> SqliteReader::conversations_of(UserKey user, LogNumber after) {
  std::vector<ConversationRow> found;
  Cursor row = conversations_of_.query(user, after);
  while (row.next()) found.push_back(read_conversation(row));
  return found;
}

MessageRow SqliteReader::message(LogNumber log_number) {
  Cursor row = find_message_.query(log_number);
  if (!row.next()) connection_.damaged("message " + std::to_string(log_number) + " is missing");
  return read_message(row);
}

Envelope SqliteReader::envelope(const ConversationRow& row, LogNumber log_number) {
  MessageRow found = message(log_number);
  const Side sender = found.sender;
  return envelope_of(std::move(found), users_.name(row.user(sender)),
                     users_.name(row.user(other_side(sender))));
}

Page<Envelope> SqliteReader::history(const UserId& me, const UserId& peer, std::optional<Seq> before,
                                     std::optional<Seq> after, std::size_t limit, std::size_t max_bytes) {
  const Snapshot snapshot(*this);
  const auto row = find_conversation(me, peer);
  if (!row) return {};
  PageBuilder<Envelope> builder(limit, max_bytes);
  const auto add = [&](Seq seq) {
    Envelope item = envelope(*row, seqs_.log_of(*row, seq));
    const std::size_t bytes = item.body.size();
    return builder.add(std::move(item), bytes);
  };
  if (after) {
    for (Seq seq = *after; seq < row->last_seq && add(seq + 1);) ++seq;
    return builder.take();
  }
  Seq seq = std::min(before.value_or(row->last_seq + 1), row->last_seq + 1);
  while (seq > 1 && add(seq - 1)) --seq;
  auto page = builder.take();
  std::reverse(page.items.begin(), page.items.end());
  return page;
}

Page<StoreReader::SummaryItem> SqliteReader::conversations(const UserId& me, std::optional<LogNumber> before,
                                                           std::size_t limit, std::size_t max_bytes) {
  const Snapshot snapshot(*this);
  const auto key = users_.find(me);
  if (!key) return {};
  PageBuilder<SummaryItem> builder(limit, max_bytes);
  Cursor row = newest_of_.query(*key, clamp(before.value_or(std::numeric_limits<LogNumber>::max())),
                                clamp(std::max(limit, limit + 1)));
  while (row.next()) {
    SummaryItem item = summary(me, *key, row.number(0));
    const std::size_t bytes = item.summary.last.body.size();
    if (!builder.add(std::move(item), bytes)) break;
  }
  return builder.take();
}

StoreReader::SummaryItem SqliteReader::summary(const UserId& me, UserKey my_key, LogNumber last_log) {
  MessageRow last = message(last_log);
  Cursor found = conversation_by_key_.query(last.conversation);
  if (!found.next()) connection_.damaged("a conversation is missing");
  const ConversationRow row = read_conversation(found);
  const Side mine = row.side_of(my_key);
  const Side theirs = other_side(mine);
  const UserId peer = users_.name(row.user(theirs));
  const bool is_mine = last.sender == mine;
  return {.summary = {.peer = peer,
                      .last = envelope_of(std::move(last), is_mine ? me : peer, is_mine ? peer : me),
                      .unread = row.unread(mine),
                      .mine = row.side(mine).marks,
                      .theirs = row.awaits == theirs ? Marks{} : row.side(theirs).marks,
                      .blocked = find_block_.query(my_key, row.user(theirs)).next(),
                      .request = row.awaits == mine,
                      .mute = push_.mute(row.key, mine)},
          .last_log_number = last_log};
}

Page<Change> SqliteReader::changes(const UserId& me, LogNumber after, std::size_t limit,
                                   std::size_t max_bytes) {
  const Snapshot snapshot(*this);
  after = clamp(after);
  const auto key = users_.find(me);
  if (!key) return {};
  // Nobody keeps a log for each user: it is merged from the logs of the user's conversations.
  const auto rows = conversations_of(*key, after);
  std::priority_queue<NextChange> next;
  const auto push_message = [&](std::size_t i, Seq seq) {
    if (seq <= rows[i].last_seq) next.push({seqs_.log_of(rows[i], seq), i, seq});
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    push_message(i, seqs_.first_after(rows[i], after));
    for (const Side side : {Side::a, Side::b}) {
      const bool withheld = rows[i].awaits == side && rows[i].user(side) != *key;
      const LogNumber receipt_log = rows[i].side(side).receipt_log;
      if (receipt_log > after && !withheld) next.push({receipt_log, i, 0});
    }
  }
  PageBuilder<Change> builder(limit, max_bytes);
  while (!next.empty()) {
    const NextChange top = next.top();
    next.pop();
    const ConversationRow& row = rows[top.conversation];
    Change item = change(row, row.side_of(*key), top.log_number);
    const auto* message = std::get_if<Envelope>(&item.content);
    const std::size_t bytes = message == nullptr ? 0 : message->body.size();
    if (!builder.add(std::move(item), bytes)) break;
    if (top.seq != 0) push_message(top.conversation, top.seq + 1);
  }
  return builder.take();
}

Change SqliteReader::change(const ConversationRow& row, Side me, LogNumber log_number) {
  const UserId peer = users_.name(row.user(other_side(me)));
  for (const Side side : {Side::a, Side::b}) {
    const auto& state = row.side(side);
    if (state.receipt_log != log_number) continue;
    return {log_number, peer, Change::Kind::receipt,
            Receipt{users_.name(row.user(side)), state.marks.delivered, state.marks.read, {}}};
  }
  Envelope content = envelope(row, log_number);
  const auto kind = content.from == peer ? Change::Kind::message : Change::Kind::sent;
  return {log_number, peer, kind, std::move(content)};
}

LogNumber SqliteReader::last_log_number() {
  Cursor row = last_log_.query();
  return row.next() ? row.number(0) : 0;
}

std::optional<Consent> SqliteReader::consent(const UserId& me, const UserId& peer) {
  const auto row = find_conversation(me, peer);
  if (!row) return std::nullopt;
  return row->consent(row->side_of(*users_.find(me)));
}

std::vector<UserId> SqliteReader::peers(const UserId& me) {
  const Snapshot snapshot(*this);
  std::vector<UserId> found;
  const auto key = users_.find(me);
  if (!key) return found;
  Cursor row = peers_.query(*key);
  while (row.next()) {
    const auto a = row.key<UserKey>(0);
    found.push_back(users_.name(a == *key ? row.key<UserKey>(1) : a));
  }
  return found;
}

std::vector<UserId> SqliteReader::blocked_by(const UserId& me) {
  std::vector<UserId> found;
  const auto key = users_.find(me);
  if (!key) return found;
  Cursor row = blocked_by_.query(*key);
  while (row.next()) found.push_back(row.name<UserId>(0));
  return found;
}

bool SqliteReader::is_blocked(const Block& block) {
  const auto blocker = users_.find(block.blocker);
  const auto blocked = users_.find(block.blocked);
  return blocker && blocked && find_block_.query(*blocker, *blocked).next();
}

void SqliteReader::for_each_block(const std::function<void(const Block&)>& visit) {
  Cursor row = all_blocks_.query();
  while (row.next()) visit({row.name<UserId>(0), row.name<UserId>(1)});
}

std::vector<DeviceRow> SqliteReader::devices(const UserId& me) {
  std::vector<DeviceRow> found;
  const auto key = users_.find(me);
  if (!key) return found;
  Cursor row = devices_.query(*key);
  while (row.next()) {
    found.push_back({row.name<DeviceId>(0), row.null(1) ? std::nullopt : std::optional(row.time(1)),
                     std::string(row.text(2)), std::string(row.text(3))});
  }
  return found;
}

std::optional<Timestamp> SqliteReader::last_seen(const UserId& user) {
  const auto key = users_.find(user);
  if (!key) return std::nullopt;
  Cursor row = last_seen_.query(*key);
  if (!row.next() || row.null(0)) return std::nullopt;
  return row.time(0);
}

std::vector<StoreReader::Redelivery> SqliteReader::undelivered(LogNumber after, std::size_t limit) {
  const Snapshot snapshot(*this);
  std::vector<Redelivery> messages = undelivered_messages(clamp(after), limit);
  std::vector<Redelivery> receipts = undelivered_receipts(clamp(after), limit);
  std::vector<Redelivery> all;
  all.reserve(messages.size() + receipts.size());
  std::merge(std::make_move_iterator(messages.begin()), std::make_move_iterator(messages.end()),
             std::make_move_iterator(receipts.begin()), std::make_move_iterator(receipts.end()),
             std::back_inserter(all), [](const Redelivery& one, const Redelivery& other) {
               return one.log_number < other.log_number;
             });
  if (all.size() > limit) all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
  return all;
}

std::vector<StoreReader::Redelivery> SqliteReader::undelivered_messages(LogNumber after, std::size_t limit) {
  std::vector<Redelivery> found;
  Cursor row = messages_after_.query(after, clamp(limit));
  while (row.next()) {
    MessageRow message = read_message(row);
    const LogNumber log_number = message.log_number;
    UserId a = users_.name(row.key<UserKey>(9));
    UserId b = users_.name(row.key<UserKey>(10));
    if (message.sender == Side::b) std::swap(a, b);
    found.push_back({log_number, a, b, envelope_of(std::move(message), a, b)});
  }
  return found;
}

std::vector<StoreReader::Redelivery> SqliteReader::undelivered_receipts(LogNumber after, std::size_t limit) {
  std::vector<Redelivery> found;
  Cursor row = receipts_after_.query(after, clamp(limit));
  while (row.next()) {
    const bool by_a = row.integer(1) == 0;
    const UserId by = users_.name(row.key<UserKey>(by_a ? 2 : 3));
    const UserId peer = users_.name(row.key<UserKey>(by_a ? 3 : 2));
    found.push_back({row.number(0), by, peer,
                     Receipt{by, row.number(by_a ? 4 : 6), row.number(by_a ? 5 : 7), {}},
                     row.integer(8) != 0});
  }
  return found;
}

Page<PushEvent> SqliteReader::feed(LogNumber after, std::size_t limit, std::size_t max_bytes) {
  const Snapshot snapshot(*this);
  return push_.feed(clamp(after), limit, max_bytes);
}

std::vector<std::optional<PushCheckAnswer::Standing>> SqliteReader::push_standings(
    std::span<const PushCheck::Pair> pairs, Timestamp now) {
  const Snapshot snapshot(*this);
  std::vector<std::optional<PushCheckAnswer::Standing>> standings;
  std::map<UserKey, std::uint64_t> badges;  // many a device of a few users
  for (const auto& [user, peer, preview] : pairs) {
    const auto row = find_conversation(user, peer);
    if (!row) {
      standings.emplace_back();
      continue;
    }
    const auto key = users_.find(user).value();
    const Side side = row->side_of(key);
    const auto mute = push_.mute(row->key, side);
    const auto [badge, added] = badges.try_emplace(key);
    if (added) badge->second = push_.badge(key, now);
    PushCheckAnswer::Standing standing{.read = row->side(side).marks.read,
                                       .last = row->last_seq,
                                       .blocked = find_block_.query(key, row->user(other_side(side))).next(),
                                       .muted = mute && mute->in_force(now),
                                       .badge = badge->second};
    if (preview && !standing.blocked && !standing.muted) standing.text = push_text(*row, side, *preview);
    standings.push_back(std::move(standing));
  }
  return standings;
}

// What a push may show of the message, to the user on that side; a stranger's request shows nothing.
std::optional<std::string> SqliteReader::push_text(const ConversationRow& row, Side side, Seq seq) {
  const bool unread = seq > row.side(side).marks.read && seq <= row.last_seq;
  if (!unread || row.awaits == side) return std::nullopt;
  const MessageRow found = message(seqs_.log_of(row, seq));
  if (found.sender == side || !has_preview(found.type)) return std::nullopt;
  return std::string(preview_of(found.body));
}

LogNumber SqliteReader::delivered_mark() {
  Cursor row = delivered_mark_.query();
  return row.next() ? row.number(0) : 0;
}

}  // namespace duet::sqlite
