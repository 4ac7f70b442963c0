#include "store_service/sqlite/writer.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "file_io/crash_point.h"
#include "protocol/payload.h"

namespace duet::sqlite {
namespace {

LogNumber highest_log(const Connection& connection) {
  Statement statement(connection, "find the last log number", kLastLogQuery);
  Cursor row = statement.query();
  return row.next() ? row.number(0) : 0;
}

}  // namespace

Writer::Writer(Connection& c, const SqliteOptions& options)
    : connection(c),
      users(c, options.users),
      conversations(c, options.conversations),
      ids(c, options.recent_ids),
      seqs(c),
      device_receipts(c, options.users / 8, options.device_receipts),
      last_log(highest_log(c)),
      committed_log(last_log),
      begin(c, "begin a transaction", "BEGIN IMMEDIATE"),
      commit(c, "commit", "COMMIT"),
      rollback(c, "roll back", "ROLLBACK"),
      insert_user(c, "create a user", "INSERT INTO users (name) VALUES (?1)"),
      insert_message(
          c, "store a message",
          "INSERT INTO messages (" + kMessageColumns + ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      find_message(c, "read a message", "SELECT " + kMessageColumns + " FROM messages WHERE log_number = ?1"),
      insert_seq_block(c, "index messages by seq",
                       "INSERT INTO seq_blocks (conversation_id, block, logs) VALUES (?1, ?2, ?3)"),
      insert_receipt(c, "store a receipt",
                     "INSERT INTO receipts (log_number, conversation_id, side) VALUES (?1, ?2, ?3)"),
      delete_receipt(c, "replace a receipt", "DELETE FROM receipts WHERE log_number = ?1"),
      find_offset(c, "read an ingest offset",
                  "SELECT n FROM ingest_offsets WHERE node = ?1 AND partition = ?2"),
      set_offset(c, "store an ingest offset",
                 "INSERT INTO ingest_offsets (node, partition, n) VALUES (?1, ?2, ?3) "
                 "ON CONFLICT DO UPDATE SET n = excluded.n WHERE excluded.n >= n"),
      insert_block(c, "store a block", "INSERT OR IGNORE INTO blocks (blocker, blocked) VALUES (?1, ?2)"),
      delete_block(c, "remove a block", "DELETE FROM blocks WHERE blocker = ?1 AND blocked = ?2"),
      find_block(c, "look up a block", "SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2"),
      find_awaiting(c, "find requests",
                    "SELECT user_a, user_b FROM conversations WHERE awaits IS NOT NULL LIMIT ?1"),
      find_begun(c, "read what a user has begun", "SELECT full_at FROM begun WHERE user_id = ?1"),
      set_begun(c, "store what a user has begun",
                "INSERT INTO begun (user_id, full_at) VALUES (?1, ?2) "
                "ON CONFLICT DO UPDATE SET full_at = excluded.full_at"),
      touch_device(
          c, "store a device",
          "INSERT INTO devices (user_id, device, last_seen, push_platform) VALUES (?1, ?2, ?3, coalesce(?4, "
          "'')) "
          "ON CONFLICT DO UPDATE SET last_seen = max(coalesce(last_seen, ?3), coalesce(?3, last_seen)), "
          "push_platform = coalesce(?4, push_platform), "
          "push_refused = CASE WHEN ?4 IS NULL THEN push_refused ELSE '' END"),
      note_push(
          c, "note what became of a push registration",
          "UPDATE devices SET push_refused = ?3 WHERE user_id = ?1 AND device = ?2 AND push_platform <> '' "
          "AND push_refused <> ?3"),
      // Those after the `?3` first: the one in hand, then those that are pushed, then by when they were seen,
      // never seen last. Of those that are pushed, `?4` more stay.
      trim_devices(
          c, "forget old devices",
          "DELETE FROM devices WHERE user_id = ?1 AND device IN (SELECT device FROM (SELECT device, "
          "pushed, row_number() OVER (ORDER BY device = ?2 DESC, pushed DESC, last_seen DESC, device) "
          "AS place FROM (SELECT device, last_seen, push_platform <> '' AND push_refused = '' AS pushed "
          "FROM devices WHERE user_id = ?1)) WHERE place > ?3 AND (NOT pushed OR place > ?3 + ?4))"),
      set_delivered_mark(c, "store the delivered mark",
                         "UPDATE meta SET delivered_mark = ?1 WHERE delivered_mark < ?1"),
      set_mute(c, "store a mute",
               "INSERT INTO mutes (conversation_id, side, until) VALUES (?1, ?2, ?3) "
               "ON CONFLICT DO UPDATE SET until = excluded.until"),
      delete_mute(c, "remove a mute", "DELETE FROM mutes WHERE conversation_id = ?1 AND side = ?2"),
      find_known(c, "look up a name", "SELECT known FROM users WHERE id = ?1"),
      set_known(c, "note a name", "UPDATE users SET known = ?2 WHERE id = ?1"),
      find_conversation_of(c, "find a conversation of a name",
                           "SELECT 1 FROM conversations WHERE user_a = ?1 OR user_b = ?1 LIMIT 1"),
      find_accounts_through(c, "read which accounts are noted", "SELECT accounts_through FROM meta"),
      set_accounts_through(c, "store which accounts are noted",
                           "UPDATE meta SET accounts_through = ?1 WHERE accounts_through < ?1"),
      add_claim(
          c, "note a claim",
          "INSERT INTO claims (user_id, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = excluded.at"),
      find_claims(c, "read the claims", "SELECT name, at FROM claims JOIN users ON users.id = user_id"),
      forget_claims(c, "forget claims", "DELETE FROM claims WHERE at <= ?1"),
      correct_claims(c, "correct claims", "UPDATE claims SET at = ?1 WHERE at > ?1") {}

SqliteTransaction::SqliteTransaction(Writer& writer) : writer_(writer) {
  if (writer_.busy) throw std::logic_error("two write transactions at a time");
  writer_.begin.execute();
  writer_.busy = true;
}

SqliteTransaction::~SqliteTransaction() {
  if (open_) roll_back();
}

void SqliteTransaction::roll_back() noexcept {
  open_ = false;
  writer_.busy = false;
  writer_.conversations.rolled_back();
  writer_.ids.rolled_back();
  writer_.seqs.forget();
  writer_.device_receipts.rolled_back();
  writer_.claims_known = false;
  for (const UserId& name : writer_.created_users) writer_.users.forget(name);
  writer_.created_users.clear();
  writer_.last_log = writer_.committed_log;
  // Some failures (disk full) have rolled back already.
  if (!writer_.connection.in_transaction()) return;
  try {
    writer_.rollback.execute();
  } catch (const StoreError&) {
    // A destructor cannot say so; the next BEGIN will fail and say it.
  }
}

SqliteTransaction::Step::Step(SqliteTransaction& transaction)
    : transaction_(transaction), exceptions_(std::uncaught_exceptions()) {
  if (!transaction.open_) throw std::logic_error("use of a transaction that has ended");
  if (transaction.failed_) throw StoreError("use of a transaction that has failed");
}

SqliteTransaction::Step::~Step() {
  if (std::uncaught_exceptions() > exceptions_) transaction_.failed_ = true;
}

void SqliteTransaction::commit() {
  const Step step(*this);
  writer_.conversations.flush();
  writer_.ids.flush();
  DUET_CRASH_POINT("sqlite.commit.before");
  writer_.commit.execute();
  DUET_CRASH_POINT("sqlite.commit.after");
  open_ = false;
  writer_.busy = false;
  writer_.conversations.committed();
  writer_.ids.committed();
  writer_.device_receipts.committed();
  writer_.created_users.clear();
  writer_.committed_log = writer_.last_log;
}

UserKey SqliteTransaction::user(const UserId& name) {
  if (const auto known = writer_.users.find(name)) return *known;
  writer_.insert_user.execute(name);
  const UserKey key{writer_.connection.last_insert_rowid()};
  writer_.created_users.push_back(name);
  writer_.users.remember(name, key);
  return key;
}

Appended SqliteTransaction::append(const NewMessage& message) {
  const Step step(*this);
  if (message.from == message.to) throw std::logic_error("a message to its sender");
  const UserKey sender = user(message.from);
  Entry& entry = writer_.conversations.find_or_create(pair_of(sender, user(message.to)));
  ConversationRow& row = entry.row;
  const Side side = row.side_of(sender);

  const std::uint64_t hash = writer_.ids.hash(row.key, side, message.id);
  if (auto stored = find_stored(row, side, message.id, hash)) {
    const LogNumber log_number = stored->log_number;
    return {{envelope_of(*std::move(stored), message.from, message.to), log_number}, true};
  }
  writer_.conversations.change(entry);
  if (message.asks && row.last_seq == 0) row.awaits = other_side(side);
  MessageRow stored = next_message(row, side, message);
  store(row, stored);
  writer_.ids.add(hash, stored.log_number);
  const LogNumber log_number = stored.log_number;
  const auto released = row.awaits == side ? give_consent(entry) : std::nullopt;
  return {{envelope_of(std::move(stored), message.from, message.to), log_number}, false, released};
}

std::optional<MessageRow> SqliteTransaction::find_stored(const ConversationRow& row, Side sender,
                                                         const MessageId& id, std::uint64_t hash) {
  if (row.last_seq == 0) return std::nullopt;
  for (const LogNumber log_number : writer_.ids.find(hash)) {
    Cursor found = writer_.find_message.query(log_number);
    if (!found.next()) continue;
    MessageRow message = read_message(found);
    if (message.conversation == row.key && message.sender == sender && message.id == id) return message;
  }
  return std::nullopt;
}

MessageRow SqliteTransaction::next_message(ConversationRow& row, Side sender, const NewMessage& message) {
  if (row.last_seq == kMaxSeq) throw StoreError("a conversation is full");
  row.last_seq += 1;
  row.last_log = ++writer_.last_log;
  row.last_ts = std::max(row.last_ts, message.ts);
  row.side(sender).sent += 1;
  row.tail.push_back(row.last_log);
  return {.log_number = row.last_log,
          .conversation = row.key,
          .seq = row.last_seq,
          .sender = sender,
          .sender_count = row.side(sender).sent,
          .id = message.id,
          .ts = row.last_ts,
          .type = message.type,
          .body = message.body};
}

void SqliteTransaction::store(ConversationRow& row, const MessageRow& message) {
  std::optional<std::string_view> type;
  if (message.type != kDefaultMessageType) type = message.type;
  writer_.insert_message.execute(message.log_number, message.conversation, message.seq, message.sender,
                                 message.sender_count, message.id, message.ts, type, message.body);
  if (row.tail.size() < kSeqBlock) return;
  const std::string logs = encode_logs(row.tail);
  writer_.insert_seq_block.execute(row.key, (row.last_seq - 1) / kSeqBlock, Blob{logs});
  row.tail.clear();
}

RaisedMarks SqliteTransaction::raise_marks(const UserId& by, const UserId& peer, const Marks& marks) {
  const Step step(*this);
  using Outcome = RaisedMarks::Outcome;
  Entry* entry = find_entry(by, peer);
  if (entry == nullptr) return {Outcome::not_found, {}, 0};

  ConversationRow& row = entry->row;
  const Side side = row.side_of(*writer_.users.find(by));
  ConversationRow::SideState& state = row.side(side);
  const Seq delivered = std::max(marks.delivered, marks.read);  // read implies delivered
  if (delivered > row.last_seq) return {Outcome::not_found, state.marks, state.receipt_log};
  if (delivered <= state.marks.delivered && marks.read <= state.marks.read) {
    return {Outcome::unchanged, state.marks, state.receipt_log};
  }
  writer_.conversations.change(*entry);
  if (marks.read > state.marks.read) {
    state.seen = sent_up_to(row, other_side(side), marks.read);
    state.marks.read = marks.read;
  }
  state.marks.delivered = std::max(state.marks.delivered, delivered);
  replace_receipt(row, side);
  return {Outcome::raised, state.marks, state.receipt_log, row.awaits == side};
}

Standing SqliteTransaction::standing(const UserId& me, const UserId& peer) {
  const Step step(*this);
  const auto my_key = writer_.users.find(me);
  const auto peer_key = writer_.users.find(peer);
  if (!my_key || !peer_key) return {};
  Entry* entry = writer_.conversations.find(pair_of(*my_key, *peer_key));
  if (entry == nullptr) return {.blocked = writer_.find_block.query(*peer_key, *my_key).next()};
  const Side side = entry->row.side_of(*my_key);
  auto& blocked = entry->blocked[index_of(other_side(side))];
  if (!blocked) blocked = writer_.find_block.query(*peer_key, *my_key).next();
  return {.blocked = *blocked,
          .exists = true,
          .consent = entry->row.consent(side),
          .sent = entry->row.side(side).sent};
}

std::optional<StoredMessage> SqliteTransaction::find(const UserId& from, const UserId& to,
                                                     const MessageId& id) {
  const Step step(*this);
  Entry* entry = find_entry(from, to);
  if (entry == nullptr) return std::nullopt;
  const Side side = entry->row.side_of(*writer_.users.find(from));
  auto stored = find_stored(entry->row, side, id, writer_.ids.hash(entry->row.key, side, id));
  if (!stored) return std::nullopt;
  const LogNumber log_number = stored->log_number;
  return StoredMessage{envelope_of(*std::move(stored), from, to), log_number};
}

SqliteTransaction::Entry* SqliteTransaction::find_entry(const UserId& one, const UserId& other) {
  const auto one_key = writer_.users.find(one);
  const auto other_key = writer_.users.find(other);
  return one_key && other_key ? writer_.conversations.find(pair_of(*one_key, *other_key)) : nullptr;
}

Accepted SqliteTransaction::accept(const UserId& me, const UserId& peer) {
  const Step step(*this);
  using Outcome = Accepted::Outcome;
  Entry* entry = find_entry(me, peer);
  if (entry == nullptr) return {Outcome::not_found};
  switch (entry->row.consent(entry->row.side_of(*writer_.users.find(me)))) {
    case Consent::given:
      return {Outcome::unchanged};
    case Consent::waits_for_peer:
      return {Outcome::not_found};
    case Consent::waits_for_me:
      break;
  }
  return {Outcome::accepted, give_consent(*entry)};
}

std::size_t SqliteTransaction::accept_any(std::size_t limit) {
  const Step step(*this);
  std::vector<UserPair> pairs;
  {
    Cursor row = writer_.find_awaiting.query(limit);
    while (row.next()) pairs.push_back({{row.key<UserKey>(0), row.key<UserKey>(1)}});
  }
  for (const UserPair& pair : pairs) {
    Entry* entry = writer_.conversations.find(pair);
    if (entry != nullptr && entry->row.awaits) give_consent(*entry);
  }
  return pairs.size();
}

std::optional<ToldMarks> SqliteTransaction::give_consent(Entry& entry) {
  ConversationRow& row = entry.row;
  const Side side = *row.awaits;
  writer_.conversations.change(entry);
  row.awaits.reset();
  entry.accepted = entry.stored;
  const auto& state = row.side(side);
  if (state.receipt_log == 0) return std::nullopt;
  replace_receipt(row, side);  // the peer's cursor may be beyond the old one
  return ToldMarks{state.marks, state.receipt_log};
}

std::optional<Timestamp> SqliteTransaction::begun_full_at(const UserId& user) {
  const Step step(*this);
  const auto key = writer_.users.find(user);
  if (!key) return std::nullopt;
  Cursor row = writer_.find_begun.query(*key);
  return row.next() ? std::optional(row.time(0)) : std::nullopt;
}

void SqliteTransaction::set_begun_full_at(const UserId& user, Timestamp full_at) {
  const Step step(*this);
  writer_.set_begun.execute(this->user(user), full_at);
}

std::uint64_t SqliteTransaction::sent_up_to(const ConversationRow& row, Side sender, Seq seq) {
  if (seq == row.last_seq) return row.side(sender).sent;
  Cursor found = writer_.find_message.query(writer_.seqs.log_of(row, seq));
  if (!found.next()) writer_.connection.damaged("a message is missing");
  const MessageRow message = read_message(found);
  // Every message up to this one is of its sender or of the other.
  return message.sender == sender ? message.sender_count : seq - message.sender_count;
}

void SqliteTransaction::replace_receipt(ConversationRow& row, Side side) {
  LogNumber& receipt_log = row.side(side).receipt_log;
  if (receipt_log != 0) writer_.delete_receipt.execute(receipt_log);
  receipt_log = ++writer_.last_log;
  writer_.insert_receipt.execute(receipt_log, row.key, side);
}

RecordNumber SqliteTransaction::ingest_offset(const NodeId& node, Partition partition) {
  const Step step(*this);
  Cursor row = writer_.find_offset.query(node, partition);
  return row.next() ? row.number(0) : 0;
}

void SqliteTransaction::set_ingest_offset(const NodeId& node, Partition partition, RecordNumber n) {
  const Step step(*this);
  if (writer_.set_offset.execute(node, partition, n) == 0) {
    throw std::logic_error("the ingest offset of a node would go back");
  }
}

bool SqliteTransaction::block(const Block& block) {
  const Step step(*this);
  forget_block(block);
  return writer_.insert_block.execute(user(block.blocker), user(block.blocked)) > 0;
}

bool SqliteTransaction::unblock(const Block& block) {
  const Step step(*this);
  const auto blocker = writer_.users.find(block.blocker);
  const auto blocked = writer_.users.find(block.blocked);
  if (!blocker || !blocked) return false;
  forget_block(block);
  return writer_.delete_block.execute(*blocker, *blocked) > 0;
}

void SqliteTransaction::forget_block(const Block& block) {
  const auto blocker = writer_.users.find(block.blocker);
  const auto blocked = writer_.users.find(block.blocked);
  if (blocker && blocked) writer_.conversations.forget_blocks(pair_of(*blocker, *blocked));
}

void SqliteTransaction::touch_device(const DeviceChange& change, std::size_t max_devices) {
  const Step step(*this);
  const UserKey owner = user(change.device.user);
  writer_.touch_device.execute(owner, change.device.device, change.last_seen, change.push_platform);
  writer_.trim_devices.execute(owner, change.device.device, std::max<std::size_t>(max_devices, 1),
                               kMaxRegistrationsPerUser);
  writer_.device_receipts.forget_devices(owner);
}

void SqliteTransaction::note_push(const Device& device, const std::string& refused) {
  const Step step(*this);
  if (const auto key = writer_.users.find(device.user))
    writer_.note_push.execute(*key, device.device, refused);
}

void SqliteTransaction::set_delivered_mark(LogNumber log_number) {
  const Step step(*this);
  writer_.set_delivered_mark.execute(log_number);
}

}  // namespace duet::sqlite
