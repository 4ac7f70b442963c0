// What only a store in a file can do: be locked, damaged, foreign, too new or migrated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "store_service/sqlite/schema.h"
#include "store_service/sqlite/sqlite_store.h"
#include "tests/contract/contract.h"

namespace duet {
namespace {

using sqlite::Connection;
using sqlite::Migration;
using testing::AllOf;
using testing::HasSubstr;

class SqliteFiles : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "duet.db"; }
  std::filesystem::path file(const std::string& name) const { return directory_.path() / name; }

  void store_a_message() {
    const auto database = open_sqlite(file());
    const auto transaction = database->begin();
    transaction->append(message("alice", "bob", "a1"));
    transaction->commit();
  }

  void run(const std::filesystem::path& path, const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  // As the store wants a database before it looks into it.
  static void make_private(const std::filesystem::path& path) {
    using std::filesystem::perms;
    std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
  }

  // What opening says; empty: it opened.
  std::string refusal() {
    try {
      open_sqlite(file());
    } catch (const StoreError& error) {
      return error.what();
    }
    return "";
  }

  static std::string content(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(SqliteFiles, AreForTheOwnerOnly) {
  const auto database = open_sqlite(file());
  for (const auto* name : {"duet.db", "duet.db-wal", "duet.db-shm", "duet.db.lock"}) {
    struct stat found {};
    ASSERT_EQ(stat(file(name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(SqliteFiles, AreOpenedByOneAtATime) {
  auto database = open_sqlite(file());
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file().string()), HasSubstr("in use by another process")));
  database.reset();
  EXPECT_EQ(refusal(), "");
}

TEST_F(SqliteFiles, InADirectoryThatIsNotThereAreRefused) {
  EXPECT_THROW(open_sqlite(file("missing") / "duet.db"), StoreError);
}

TEST_F(SqliteFiles, ThatAreNoDatabaseAreRefusedAndLeftAlone) {
  const std::string text(5000, 'z');
  std::ofstream(file()) << text;
  make_private(file());
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file().string()), HasSubstr("not a database")));
  EXPECT_EQ(content(file()), text);
}

TEST_F(SqliteFiles, OfAnotherProgramAreRefusedAndLeftAlone) {
  run(file(), "CREATE TABLE songs (name TEXT)");
  make_private(file());
  const std::string before = content(file());
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file().string()), HasSubstr("another program")));
  EXPECT_EQ(content(file()), before);
}

TEST_F(SqliteFiles, WithADamagedPageSayWhichFileIsDamaged) {
  store_a_message();
  {
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(100);
    stream << std::string(3000, '\xee');
  }
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file().string()), HasSubstr("malformed")));
}

TEST_F(SqliteFiles, OfANewerProgramAreRefused) {
  store_a_message();
  run(file(), "UPDATE meta SET schema_version = 1000");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("schema version 1000"), HasSubstr("newer Duet")));
}

TEST_F(SqliteFiles, LeftEmptyByACrashAreFilled) {
  std::ofstream(file()).flush();
  make_private(file());
  store_a_message();
  EXPECT_EQ(open_sqlite(file())->reader()->last_log_number(), 1U);
}

// What a later release will do, with a migration of the test's own.
class Migrating : public SqliteFiles {
 protected:
  void migrate_with(const char* sql) {
    std::vector<Migration> steps(sqlite::migrations().begin(), sqlite::migrations().end());
    steps.push_back({steps.back().number + 1, "migration of the test", sql});
    Connection connection(file(), Connection::Mode::read_write);
    sqlite::migrate(connection, {sqlite::kApplicationId, steps});
  }
  std::filesystem::path backup() const {
    return file("duet.db.v" + std::to_string(sqlite::migrations().back().number) + ".bak");
  }
};

TEST_F(Migrating, ANewDatabaseNeedsNoBackup) {
  store_a_message();
  EXPECT_FALSE(exists(backup()));
  store_a_message();
  EXPECT_FALSE(exists(backup()));
}

TEST_F(Migrating, ChangesTheDatabaseAndKeepsABackupOfWhatWas) {
  store_a_message();
  const std::string epoch = open_sqlite(file())->epoch();
  migrate_with("ALTER TABLE users ADD COLUMN color TEXT");
  EXPECT_THAT(refusal(), HasSubstr("newer Duet"));

  ASSERT_TRUE(exists(backup()));
  struct stat found {};
  ASSERT_EQ(stat(backup().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  std::filesystem::rename(backup(), file());
  const auto restored = open_sqlite(file());
  EXPECT_EQ(restored->epoch(), epoch);
  EXPECT_EQ(restored->reader()->last_log_number(), 1U);
}

// Schema 1 knew no consent: what it holds was never a request.
TEST_F(Migrating, ConversationsFromBeforeConsentHaveIt) {
  {
    std::ofstream(file()).flush();
    make_private(file());
    Connection connection(file(), Connection::Mode::read_write);
    sqlite::migrate(connection, {sqlite::kApplicationId, sqlite::migrations().first(1)});
    connection.execute("fill", "INSERT INTO users VALUES (1, 'alice'), (2, 'bob')");
    connection.execute("fill",
                       "INSERT INTO conversations VALUES (1, 1, 2, 1, 1, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
                       "x'0100000000000000')");
    connection.execute("fill", "INSERT INTO messages VALUES (1, 1, 1, 0, 1, 'm1', 5, NULL, 'hello')");
  }
  const auto database = open_sqlite(file());
  EXPECT_TRUE(exists(file("duet.db.v1.bak")));
  EXPECT_EQ(database->reader()->consent(user("bob"), user("alice")), Consent::given);
  NewMessage answer = message("bob", "alice", "b1");
  answer.asks = true;
  const auto transaction = database->begin();
  EXPECT_EQ(transaction->append(answer).message.envelope.seq, 2U);
  transaction->commit();
  EXPECT_EQ(database->reader()->consent(user("bob"), user("alice")), Consent::given);
}

// Schema 3 knew no names: those are known who have done something themselves.
TEST_F(Migrating, UsersFromBeforeNamesAreKnownByWhatTheyDid) {
  {
    std::ofstream(file()).flush();
    make_private(file());
    Connection connection(file(), Connection::Mode::read_write);
    sqlite::migrate(connection, {sqlite::kApplicationId, sqlite::migrations().first(3)});
    connection.execute("fill",
                       "INSERT INTO users VALUES (1, 'alice'), (2, 'bob'), (3, 'carol'), (4, 'dave')");
    connection.execute("fill",
                       "INSERT INTO conversations VALUES (1, 1, 2, 1, 1, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
                       "x'0100000000000000', NULL)");
    connection.execute("fill", "INSERT INTO messages VALUES (1, 1, 1, 0, 1, 'm1', 5, NULL, 'hello')");
    connection.execute("fill", "INSERT INTO devices VALUES (3, 'phone', 7, '')");
    connection.execute("fill", "INSERT INTO blocks VALUES (1, 4)");
  }
  const auto database = open_sqlite(file());
  const auto transaction = database->begin();
  for (const char* name : {"alice", "carol"}) EXPECT_TRUE(transaction->is_known(user(name))) << name;
  for (const char* name : {"bob", "dave"}) EXPECT_FALSE(transaction->is_known(user(name))) << name;
}

TEST_F(Migrating, AMigrationThatFailsChangesNothing) {
  store_a_message();
  EXPECT_THROW(migrate_with("CREATE TABLE half (id INTEGER); SELECT nonsense"), StoreError);
  EXPECT_EQ(refusal(), "");
  run(file(), "CREATE TABLE half (id INTEGER)");  // it is not there
}

TEST_F(Migrating, NumbersAreDenseFromOne) {
  int expected = 0;
  for (const Migration& step : sqlite::migrations()) EXPECT_EQ(step.number, ++expected) << step.name;
}

}  // namespace
}  // namespace duet
