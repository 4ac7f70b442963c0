#include "store_service/sqlite/backup.h"

#include <sys/stat.h>

#include <system_error>

#include "file_io/crash_point.h"
#include "sqlite/connection.h"
#include "sqlite/file_lock.h"
#include "store_service/sqlite/schema.h"

namespace duet {
namespace sqlite {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(fs::path path, const std::string& suffix) {
  return path += suffix;
}

fs::path directory_of(const fs::path& path) {
  return fs::absolute(path).parent_path();
}

// Throws StoreError instead of what the file system throws.
template <typename Step>
void on_disk(const Step& step) {
  try {
    step();
  } catch (const fs::filesystem_error& error) {
    throw StoreError(error.what());
  }
}

// In the copy, before anybody can open it: old epoch and new content never stand together.
std::string give_new_epoch(const fs::path& copy) {
  Connection connection(copy, Connection::Mode::read_write);
  // A crash leaves a file that is made anew; a rollback journal beside it would be taken for the next one's.
  connection.execute("set the new epoch", "PRAGMA journal_mode = MEMORY");
  connection.execute("set the new epoch", "UPDATE meta SET epoch = lower(hex(randomblob(8)))");
  Statement read(connection, "read the new epoch", "SELECT epoch FROM meta");
  Cursor row = read.query();
  if (!row.next()) connection.damaged("the epoch is missing");
  return std::string(row.text(0));
}

// What a killed store left in the write-ahead log comes into the file itself. A file that is no database
// (that may be why it is replaced) stays as it is.
void settle(const fs::path& database) {
  try {
    Connection connection(database, Connection::Mode::read_write);
    connection.execute("copy the write-ahead log back", "PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const StoreError&) {
    // Its write-ahead log is kept beside it.
  }
}

fs::path free_name(const fs::path& database) {
  for (int number = 1;; ++number) {
    auto name = with_suffix(database, ".replaced-" + std::to_string(number));
    if (!fs::exists(name) && !fs::exists(with_suffix(name, "-wal"))) return name;
  }
}

// A second name for what is there: the database has its own until the new one takes it. The write-ahead log
// must be gone by then, because SQLite would apply it to the new database.
fs::path keep_aside(const fs::path& database) {
  settle(database);
  DUET_CRASH_POINT("restore.settled");
  fs::path aside = free_name(database);
  const fs::path log = with_suffix(database, "-wal");
  on_disk([&] {
    if (fs::exists(log)) fs::create_hard_link(log, with_suffix(aside, "-wal"));
    fs::create_hard_link(database, aside);
    sync_path(directory_of(database));
  });
  return aside;
}

void remove_logs(const fs::path& database) {
  on_disk([&] {
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(with_suffix(database, suffix));
  });
  sync_path(directory_of(database));
}

}  // namespace

}  // namespace sqlite

void back_up_sqlite(const std::filesystem::path& database, const std::filesystem::path& target,
                    const CopyProgress& progress) {
  sqlite::Connection connection(database, sqlite::Connection::Mode::read_only);
  if (sqlite::check_schema(connection, sqlite::schema()) == 0) {
    throw StoreError("database " + database.string() + " is empty");
  }
  if (std::filesystem::exists(target)) throw StoreError(target.string() + " is there already");
  sqlite::copy_database(connection, target, progress);
}

Restored restore_sqlite(const std::filesystem::path& backup, const std::filesystem::path& database,
                        const RestoreOptions& options,
                        const std::function<void(const std::string& line)>& tell,
                        const CopyProgress& progress) {
  const sqlite::FileLock lock(database);
  const bool replaces = std::filesystem::exists(database);
  if (replaces && !options.replace) throw StoreError(database.string() + " is there already");
  Restored restored;
  restored.backup = verify_sqlite(backup, options.verify, tell);
  if (restored.backup.violations > 0) return restored;

  const sqlite::UnfinishedFile unfinished(database);
  {
    sqlite::Connection connection(backup, sqlite::Connection::Mode::read_only);
    sqlite::copy_into(connection, unfinished.path(), progress);
  }
  DUET_CRASH_POINT("restore.copied");
  restored.epoch = sqlite::give_new_epoch(unfinished.path());
  DUET_CRASH_POINT("restore.epoch");
  if (replaces) restored.aside = sqlite::keep_aside(database);
  DUET_CRASH_POINT("restore.aside");
  sqlite::remove_logs(database);
  DUET_CRASH_POINT("restore.logs");
  unfinished.publish(database);
  DUET_CRASH_POINT("restore.published");
  return restored;
}

}  // namespace duet
