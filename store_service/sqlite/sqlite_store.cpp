#include "store_service/sqlite/sqlite_store.h"

#include <string>

#include "sqlite/connection.h"
#include "sqlite/file_lock.h"
#include "store_service/sqlite/reader.h"
#include "store_service/sqlite/schema.h"
#include "store_service/sqlite/writer.h"

namespace duet {
namespace {

// What the write-ahead log keeps on disk after it was copied back.
constexpr int kJournalBytes = 64 * 1024 * 1024;

sqlite::Connection open_writer(const std::filesystem::path& file, const SqliteOptions& options) {
  sqlite::create_private_file(file);
  sqlite::Connection connection(file, sqlite::Connection::Mode::read_write);
  const auto set = [&connection](const char* name, auto value) {
    connection.execute("open", "PRAGMA " + std::string(name) + " = " + value);
  };
  sqlite::check_schema(connection, sqlite::schema());    // before anything is changed
  set("page_size", std::to_string(options.page_bytes));  // counts only while the database is empty
  connection.use_write_ahead_log();
  set("synchronous", "FULL");  // a commit returns when it is on stable storage
  set("foreign_keys", "ON");
  set("cache_size", "-" + std::to_string(options.writer_cache_kib));
  set("wal_autocheckpoint", std::to_string(options.checkpoint_pages));
  set("journal_size_limit", std::to_string(kJournalBytes));
  sqlite::migrate(connection, sqlite::schema());
  return connection;
}

std::string read_epoch(const sqlite::Connection& connection) {
  sqlite::Statement statement(connection, "read the epoch", "SELECT epoch FROM meta");
  sqlite::Cursor row = statement.query();
  if (!row.next()) connection.damaged("the epoch is missing");
  return std::string(row.text(0));
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const std::filesystem::path& file, const SqliteOptions& options)
      : options_(options),
        lock_(file),
        connection_(open_writer(file, options)),
        epoch_(read_epoch(connection_)),
        writer_(connection_, options) {}

  const std::string& epoch() const override { return epoch_; }

  std::unique_ptr<WriteTransaction> begin() override {
    return std::make_unique<sqlite::SqliteTransaction>(writer_);
  }

  std::unique_ptr<StoreReader> reader() override {
    return std::make_unique<sqlite::SqliteReader>(connection_.file(), options_);
  }

 private:
  // Constant after construction; reader() uses only these and the connection's file name.
  const SqliteOptions options_;
  const sqlite::FileLock lock_;
  // State below belongs to the writer's thread.
  sqlite::Connection connection_;
  const std::string epoch_;
  sqlite::Writer writer_;
};

}  // namespace

SqliteOptions with_caches_of(std::size_t cache_mib) {
  const auto share = [cache_mib](auto size) {
    return static_cast<decltype(size)>(static_cast<std::size_t>(size) * cache_mib / kDefaultCacheMib);
  };
  SqliteOptions options;
  options.writer_cache_kib = share(options.writer_cache_kib);
  options.reader_cache_kib = share(options.reader_cache_kib);
  options.conversations = share(options.conversations);
  options.users = share(options.users);
  options.recent_ids = share(options.recent_ids);
  return options;
}

std::unique_ptr<Database> open_sqlite(const std::filesystem::path& file, const SqliteOptions& options) {
  return std::make_unique<SqliteDatabase>(file, options);
}

}  // namespace duet
