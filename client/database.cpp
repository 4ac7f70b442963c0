#include "client/database.h"

#include <stdexcept>
#include <utility>

#include "client/sqlite.h"
#include "file_io/crash_point.h"
#include "file_io/directory_lock.h"

namespace duet {
namespace {

constexpr std::uint64_t kSchemaVersion = 2;

// On disk: a change needs a new version. The step at n makes version n + 1 of version n.
constexpr const char* kSteps[kSchemaVersion] = {
    R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  peer TEXT NOT NULL,
  type TEXT NOT NULL,
  body TEXT NOT NULL);
CREATE TABLE marks (
  peer TEXT PRIMARY KEY,
  seen INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  read INTEGER NOT NULL,
  delivered_wanted INTEGER NOT NULL,
  read_wanted INTEGER NOT NULL,
  peer_delivered INTEGER NOT NULL,
  peer_read INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
)sql",
    R"sql(
CREATE TABLE told (
  peer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (peer, seq)) WITHOUT ROWID;
PRAGMA user_version = 2;
)sql"};

// Made when it is missing, for its owner alone.
const std::filesystem::path& prepared(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  return directory;
}

SqliteHandle open_file(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  SqliteHandle handle(raw);
  if (code != SQLITE_OK) {
    throw std::runtime_error("cannot open the client's database " + file.string() + ": " +
                             sqlite3_errstr(code));
  }
  execute_sqlite(raw, "PRAGMA journal_mode = WAL");
  execute_sqlite(raw, "PRAGMA synchronous = FULL");
  return handle;
}

// Names were checked when they were stored.
template <typename Name>
Name name_from(const std::string& text) {
  auto name = Name::parse(text);
  if (!name) throw std::runtime_error("the client's database is damaged: '" + text + "' is not a name");
  return *std::move(name);
}

}  // namespace

struct ClientDatabase::Handles {
  explicit Handles(const std::filesystem::path& directory)
      : lock(prepared(directory)), sqlite(open_file(directory / "client.db")) {
    create_schema();
  }

  void create_schema() {
    SqliteStatement version(sqlite.get(), "PRAGMA user_version");
    version.next();
    const auto found = version.number(0);
    version.next();
    if (found == kSchemaVersion) return;
    if (found > kSchemaVersion) {
      throw std::runtime_error("the client's database is of a newer version (" + std::to_string(found) + ")");
    }
    SqliteTransaction transaction(sqlite.get());
    for (auto step = found; step < kSchemaVersion; ++step) execute_sqlite(sqlite.get(), kSteps[step]);
    transaction.commit();
  }

  std::optional<std::string> meta(std::string_view key) {
    SqliteStatement select(sqlite.get(), "SELECT value FROM meta WHERE key = ?1");
    select.bind(1, key);
    if (!select.next()) return std::nullopt;
    return select.text(0);
  }
  void set_meta(std::string_view key, std::string_view value) {
    SqliteStatement upsert(
        sqlite.get(),
        "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    upsert.bind(1, key).bind(2, value).run();
  }

  DirectoryLock lock;
  SqliteHandle sqlite;
  // In the order of use; made when the schema is there.
  std::optional<SqliteStatement> append_message, load_message, remove_message, save_marks, save_told,
      trim_told;
};

std::unique_ptr<ClientDatabase::Handles> ClientDatabase::open_handles(
    const std::filesystem::path& directory) try {
  return std::make_unique<Handles>(directory);
} catch (const DirectoryInUse&) {
  throw StateInUse(directory);
}

ClientDatabase::ClientDatabase(const std::filesystem::path& directory, const Device& device)
    : handles_(open_handles(directory)) {
  const auto owner = handles_->meta("device");
  const auto me = format_client_id(device);
  if (!owner) {
    handles_->set_meta("device", me);
  } else if (*owner != me) {
    throw std::runtime_error(directory.string() + " holds the state of " + *owner + ", not of " + me);
  }
  auto* sqlite = handles_->sqlite.get();
  handles_->append_message.emplace(sqlite,
                                   "INSERT INTO outbox (id, peer, type, body) VALUES (?1, ?2, ?3, ?4)");
  handles_->load_message.emplace(sqlite, "SELECT id, peer, type, body FROM outbox WHERE position = ?1");
  handles_->remove_message.emplace(sqlite, "DELETE FROM outbox WHERE position = ?1");
  handles_->save_marks.emplace(
      sqlite,
      "INSERT OR REPLACE INTO marks (peer, seen, delivered, read, delivered_wanted, "
      "read_wanted, peer_delivered, peer_read) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  handles_->save_told.emplace(sqlite, "INSERT OR REPLACE INTO told (peer, seq, id) VALUES (?1, ?2, ?3)");
  handles_->trim_told.emplace(sqlite, "DELETE FROM told WHERE peer = ?1 AND (seq > ?2 OR seq <= ?2 - ?3)");
}

ClientDatabase::~ClientDatabase() = default;

std::vector<ClientDatabase::Waiting> ClientDatabase::outbox() {
  SqliteStatement select(handles_->sqlite.get(), "SELECT position, id, peer FROM outbox ORDER BY position");
  std::vector<Waiting> waiting;
  while (select.next()) {
    waiting.push_back(
        {select.number(0), name_from<MessageId>(select.text(1)), name_from<UserId>(select.text(2))});
  }
  return waiting;
}

OutboxPosition ClientDatabase::append(const OutboxMessage& message) {
  handles_->append_message->bind(1, message.id.str())
      .bind(2, message.peer.str())
      .bind(3, message.type)
      .bind(4, message.body)
      .run();
  DUET_CRASH_POINT("client.outbox.written");
  return static_cast<OutboxPosition>(sqlite3_last_insert_rowid(handles_->sqlite.get()));
}

std::optional<OutboxMessage> ClientDatabase::message(OutboxPosition position) {
  auto& select = *handles_->load_message;
  select.bind(1, position);
  if (!select.next()) return std::nullopt;
  OutboxMessage message{name_from<MessageId>(select.text(0)), name_from<UserId>(select.text(1)),
                        select.text(2), select.text(3)};
  select.next();
  return message;
}

void ClientDatabase::remove(OutboxPosition position) {
  DUET_CRASH_POINT("client.outbox.remove");
  handles_->remove_message->bind(1, position).run();
  DUET_CRASH_POINT("client.outbox.removed");
}

std::map<UserId, PeerMarks> ClientDatabase::marks() {
  SqliteStatement select(handles_->sqlite.get(),
                         "SELECT peer, seen, delivered, read, delivered_wanted, read_wanted, peer_delivered, "
                         "peer_read FROM marks");
  std::map<UserId, PeerMarks> marks;
  while (select.next()) {
    marks.emplace(name_from<UserId>(select.text(0)), PeerMarks{.seen = select.number(1),
                                                               .delivered = select.number(2),
                                                               .read = select.number(3),
                                                               .delivered_wanted = select.number(4),
                                                               .read_wanted = select.number(5),
                                                               .peer_delivered = select.number(6),
                                                               .peer_read = select.number(7)});
  }
  return marks;
}

std::optional<std::string> ClientDatabase::cursor() {
  auto cursor = handles_->meta("cursor");
  if (cursor && cursor->empty()) cursor.reset();
  return cursor;
}

ToldOfPeer ClientDatabase::told(const UserId& peer) {
  SqliteStatement select(handles_->sqlite.get(), "SELECT seq, id FROM told WHERE peer = ?1 ORDER BY seq");
  select.bind(1, peer.str());
  ToldOfPeer told;
  while (select.next()) told.emplace(select.number(0), name_from<MessageId>(select.text(1)));
  return told;
}

void ClientDatabase::save(const std::map<UserId, PeerMarks>& changed, const std::vector<Told>& told,
                          const std::string* cursor) {
  SqliteTransaction transaction(handles_->sqlite.get());
  for (const auto& [peer, seq, id] : told) {
    handles_->save_told->bind(1, peer.str()).bind(2, seq).bind(3, id.str()).run();
  }
  for (const auto& [peer, marks] : changed) {
    handles_->save_marks->bind(1, peer.str())
        .bind(2, marks.seen)
        .bind(3, marks.delivered)
        .bind(4, marks.read)
        .bind(5, marks.delivered_wanted)
        .bind(6, marks.read_wanted)
        .bind(7, marks.peer_delivered)
        .bind(8, marks.peer_read)
        .run();
    handles_->trim_told->bind(1, peer.str()).bind(2, marks.seen).bind(3, std::uint64_t{kToldMessages}).run();
  }
  if (cursor != nullptr) handles_->set_meta("cursor", *cursor);
  DUET_CRASH_POINT("client.save.before");
  transaction.commit();
  DUET_CRASH_POINT("client.save.after");
}

}  // namespace duet
