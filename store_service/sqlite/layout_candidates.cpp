#include "store_service/sqlite/layout_candidates.h"

#include <algorithm>
#include <string>
#include <vector>

#include "sqlite/connection.h"
#include "sqlite/file_lock.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/sip_hash.h"

namespace duet::sqlite {
namespace {

constexpr std::int64_t kFirstTs = 1'700'000'000'000;

class StoreCandidate final : public Candidate {
 public:
  StoreCandidate(const std::filesystem::path& file, const SqliteOptions& options)
      : database_(open_sqlite(file, options)) {}

  void commit(std::span<const Arrival> arrivals) override {
    const auto transaction = database_->begin();
    for (const Arrival& arrival : arrivals) {
      const auto number = std::to_string(arrival.conversation);
      transaction->append({*UserId::parse("left" + number), *UserId::parse("right" + number),
                           *MessageId::parse(arrival.id), Timestamp(std::chrono::milliseconds(kFirstTs)),
                           "text/plain", std::string(arrival.body)});
    }
    transaction->set_ingest_offset(*NodeId::parse("0123456789abcdef"), 0, stored_ += arrivals.size());
    transaction->commit();
  }

 private:
  std::unique_ptr<Database> database_;
  RecordNumber stored_ = 0;
};

constexpr const char* kCommonTables = R"sql(
  CREATE TABLE conversations (id INTEGER PRIMARY KEY, user_a INTEGER, user_b INTEGER, last_seq INTEGER,
    last_log INTEGER, last_ts INTEGER, a_delivered INTEGER, a_read INTEGER, a_receipt_log INTEGER,
    b_delivered INTEGER, b_read INTEGER, b_receipt_log INTEGER, tail BLOB, UNIQUE (user_a, user_b));
  CREATE INDEX conversations_of_b ON conversations (user_b);
  CREATE TABLE messages (log_number INTEGER PRIMARY KEY, conversation_id INTEGER, seq INTEGER, sender INTEGER,
    sender_count INTEGER, message_id TEXT, id_hash INTEGER, ts INTEGER, type TEXT, body TEXT);
  CREATE TABLE offsets (node TEXT, n INTEGER, PRIMARY KEY (node)) WITHOUT ROWID;
  CREATE TABLE message_ids (id_hash INTEGER, log_number INTEGER, PRIMARY KEY (id_hash, log_number)) WITHOUT ROWID;
  CREATE TABLE seq_blocks (conversation_id INTEGER, block INTEGER, logs BLOB, PRIMARY KEY (conversation_id, block))
    WITHOUT ROWID;
  CREATE TABLE changes (user_id INTEGER, log_number INTEGER, kind INTEGER, conversation_id INTEGER, seq INTEGER,
    PRIMARY KEY (user_id, log_number)) WITHOUT ROWID;
)sql";

Connection open_plain(Layout layout, const std::filesystem::path& file, const SqliteOptions& options) {
  create_private_file(file);
  Connection connection(file, Connection::Mode::read_write);
  connection.execute("open",
                     "PRAGMA page_size = " + std::to_string(options.page_bytes) +
                         "; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -" +
                         std::to_string(options.writer_cache_kib) +
                         "; PRAGMA wal_autocheckpoint = " + std::to_string(options.checkpoint_pages));
  connection.execute("create tables", kCommonTables);
  if (layout != Layout::blocks) {
    connection.execute("create an index", "CREATE UNIQUE INDEX by_seq ON messages (conversation_id, seq)");
  }
  if (layout == Layout::changes) {
    connection.execute("create an index", "CREATE INDEX by_id ON messages (conversation_id, id_hash)");
  }
  return connection;
}

// The writer's state of each conversation is in memory from the start: only the tables are compared.
class PlainCandidate final : public Candidate {
 public:
  PlainCandidate(Layout layout, const std::filesystem::path& file, std::size_t conversations,
                 const SqliteOptions& options);
  void commit(std::span<const Arrival> arrivals) override;

 private:
  struct State {
    Seq last_seq = 0;
    LogNumber last_log = 0;
    std::vector<LogNumber> tail;
    bool changed = false;
  };

  void append(const Arrival& arrival);
  void index_seq(std::size_t conversation, State& state);
  void write(std::size_t conversation);

  const Layout layout_;
  Connection connection_;
  std::vector<State> states_;
  std::vector<std::size_t> changed_;
  LogNumber last_log_ = 0;

  Statement insert_message_;
  Statement find_by_conversation_;
  Statement find_id_;
  Statement insert_id_;
  Statement insert_change_;
  Statement insert_block_;
  Statement update_conversation_;
  Statement set_offset_;
};

PlainCandidate::PlainCandidate(Layout layout, const std::filesystem::path& file, std::size_t conversations,
                               const SqliteOptions& options)
    : layout_(layout),
      connection_(open_plain(layout, file, options)),
      states_(conversations),
      insert_message_(connection_, "append",
                      "INSERT INTO messages VALUES (?1, ?2, ?3, 0, ?3, ?4, ?5, ?6, NULL, ?7)"),
      find_by_conversation_(connection_, "find an id",
                            "SELECT log_number FROM messages WHERE conversation_id = ?1 AND id_hash = ?2"),
      find_id_(connection_, "find an id", "SELECT log_number FROM message_ids WHERE id_hash = ?1"),
      insert_id_(connection_, "index an id", "INSERT INTO message_ids VALUES (?1, ?2)"),
      insert_change_(connection_, "log a change", "INSERT INTO changes VALUES (?1, ?2, ?3, ?4, ?5)"),
      insert_block_(connection_, "index a block", "INSERT INTO seq_blocks VALUES (?1, ?2, ?3)"),
      update_conversation_(
          connection_, "update a conversation",
          "UPDATE conversations SET last_seq = ?2, last_log = ?3, last_ts = ?4, tail = ?5 WHERE id = ?1"),
      set_offset_(connection_, "set the offset",
                  "INSERT OR REPLACE INTO offsets VALUES ('0123456789abcdef', ?1)") {
  connection_.execute("begin", "BEGIN");
  Statement insert(connection_, "create conversations",
                   "INSERT INTO conversations VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL)");
  for (std::size_t i = 0; i < conversations; ++i) insert.execute(i, 2 * i, 2 * i + 1);
  connection_.execute("commit", "COMMIT");
}

void PlainCandidate::commit(std::span<const Arrival> arrivals) {
  connection_.execute("begin", "BEGIN IMMEDIATE");
  for (const Arrival& arrival : arrivals) append(arrival);
  std::sort(changed_.begin(), changed_.end());
  for (const std::size_t conversation : changed_) write(conversation);
  changed_.clear();
  set_offset_.execute(last_log_);
  connection_.execute("commit", "COMMIT");
}

void PlainCandidate::append(const Arrival& arrival) {
  const std::size_t conversation = arrival.conversation;
  State& state = states_[conversation];
  const std::uint64_t hash = sip_hash({1, conversation}, arrival.id);
  const bool found = layout_ == Layout::changes ? find_by_conversation_.query(conversation, hash).next()
                                                : find_id_.query(hash).next();
  if (found) return;
  state.last_seq += 1;
  state.last_log = ++last_log_;
  std::optional<std::uint64_t> stored_hash;
  if (layout_ == Layout::changes) stored_hash = hash;
  insert_message_.execute(last_log_, conversation, state.last_seq, arrival.id, stored_hash, kFirstTs,
                          arrival.body);
  if (layout_ == Layout::changes) {
    insert_change_.execute(2 * conversation, last_log_, 0, conversation, state.last_seq);
    insert_change_.execute(2 * conversation + 1, last_log_, 1, conversation, state.last_seq);
  } else {
    insert_id_.execute(hash, last_log_);
  }
  if (layout_ == Layout::blocks) index_seq(conversation, state);
  if (!state.changed) changed_.push_back(conversation);
  state.changed = true;
}

void PlainCandidate::index_seq(std::size_t conversation, State& state) {
  state.tail.push_back(state.last_log);
  if (state.tail.size() < kSeqBlock) return;
  const std::string logs = encode_logs(state.tail);
  insert_block_.execute(conversation, (state.last_seq - 1) / kSeqBlock, Blob{logs});
  state.tail.clear();
}

void PlainCandidate::write(std::size_t conversation) {
  State& state = states_[conversation];
  const std::string tail = encode_logs(state.tail);
  update_conversation_.execute(conversation, state.last_seq, state.last_log, kFirstTs, Blob{tail});
  state.changed = false;
}

}  // namespace

std::optional<Layout> parse_layout(std::string_view name) {
  if (name == "changes") return Layout::changes;
  if (name == "dense") return Layout::dense;
  if (name == "blocks") return Layout::blocks;
  if (name == "store") return Layout::store;
  return std::nullopt;
}

std::unique_ptr<Candidate> open_candidate(Layout layout, const std::filesystem::path& file,
                                          std::size_t conversations, const SqliteOptions& options) {
  if (layout == Layout::store) return std::make_unique<StoreCandidate>(file, options);
  return std::make_unique<PlainCandidate>(layout, file, conversations, options);
}

}  // namespace duet::sqlite
