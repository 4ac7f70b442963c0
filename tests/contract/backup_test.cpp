// A copy of a database while it is used, and a database made of the copy.
#include "store_service/sqlite/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "store_service/sqlite/sqlite_store.h"
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class SqliteBackup : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name = "duet.db") const { return directory_.path() / name; }
  std::filesystem::path backup() const { return file("backup.db"); }

  static void store(Database& database, std::string_view id) {
    const auto transaction = database.begin();
    transaction->append(message("alice", "bob", id));
    transaction->commit();
  }
  // A database with that one message, and its epoch.
  std::string make(std::string_view id) const {
    const auto database = open_sqlite(file());
    store(*database, id);
    return database->epoch();
  }
  void back_up() const { back_up_sqlite(file(), backup(), {}); }
  Restored restore(bool replace) {
    return restore_sqlite(backup(), file(), {.replace = replace, .verify = {}},
                          [this](const std::string& line) { violations_.push_back(line); }, {});
  }
  template <typename Action>
  static std::string refusal_of(const Action& action) {
    try {
      action();
    } catch (const StoreError& error) {
      return error.what();
    }
    return "";
  }
  static std::vector<std::string> ids_in(const std::filesystem::path& path) {
    std::vector<std::string> ids;
    for (const Envelope& envelope :
         open_sqlite(path)->reader()->history(user("bob"), user("alice"), {}, {}, 100, kNoByteLimit).items) {
      ids.push_back(envelope.id.str());
    }
    return ids;
  }
  // Nothing but what is meant to stay.
  std::vector<std::string> temporary_files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.path().string().find(".tmp") != std::string::npos) found.push_back(entry.path());
    }
    return found;
  }

  std::vector<std::string> violations_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(SqliteBackup, HasWhatWasCommittedWhileAStoreIsAtWork) {
  const auto database = open_sqlite(file());
  store(*database, "m1");
  const auto transaction = database->begin();
  transaction->append(message("alice", "bob", "m2"));
  back_up();
  transaction->commit();
  EXPECT_EQ(ids_in(backup()), std::vector<std::string>{"m1"});
  struct stat found {};
  ASSERT_EQ(stat(backup().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_THAT(temporary_files(), IsEmpty());
}

TEST_F(SqliteBackup, OverwritesNothing) {
  make("m1");
  std::ofstream(backup()) << "precious";
  EXPECT_THAT(refusal_of([&] { back_up(); }), HasSubstr("backup.db is there already"));
  EXPECT_EQ(std::filesystem::file_size(backup()), 8U);
}

TEST_F(SqliteBackup, OfNothingOrIntoNowhereIsRefused) {
  EXPECT_THAT(refusal_of([&] { back_up(); }), HasSubstr("duet.db"));
  EXPECT_FALSE(exists(file()));
  make("m1");
  EXPECT_THAT(refusal_of([&] { back_up_sqlite(file(), file("no") / "backup.db", {}); }),
              HasSubstr("no/backup.db"));
}

TEST_F(SqliteBackup, RestoredHasANewEpochAndGoesOn) {
  const std::string epoch = make("m1");
  back_up();
  std::filesystem::remove(file());
  const Restored restored = restore(false);
  EXPECT_NE(restored.epoch, epoch);
  EXPECT_EQ(restored.aside, std::nullopt);
  const auto database = open_sqlite(file());
  EXPECT_EQ(database->epoch(), restored.epoch);
  EXPECT_THAT(restored.epoch, testing::MatchesRegex("[0-9a-f]{16}"));
  store(*database, "m1");  // known as a duplicate
  store(*database, "m2");
  EXPECT_EQ(database->reader()->last_log_number(), 2U);
  EXPECT_THAT(temporary_files(), IsEmpty());
}

TEST_F(SqliteBackup, RestoredTwiceHasTwoEpochs) {
  make("m1");
  back_up();
  EXPECT_NE(restore(true).epoch, restore(true).epoch);
}

TEST_F(SqliteBackup, ReplacesOnlyWhenAskedAndKeepsWhatWasThere) {
  make("m1");
  back_up();
  const std::string later = make("m2");
  EXPECT_THAT(refusal_of([&] { restore(false); }), HasSubstr("duet.db is there already"));
  EXPECT_EQ(ids_in(file()).size(), 2U);

  const Restored restored = restore(true);
  EXPECT_EQ(restored.aside, file("duet.db.replaced-1"));
  EXPECT_EQ(ids_in(file()), std::vector<std::string>{"m1"});
  EXPECT_EQ(ids_in(*restored.aside).size(), 2U);
  EXPECT_EQ(open_sqlite(*restored.aside)->epoch(), later);
  EXPECT_EQ(restore(true).aside, file("duet.db.replaced-2"));
}

TEST_F(SqliteBackup, RestoredIsNotMixedWithTheLogOfTheOneBefore) {
  make("m1");
  back_up();
  {
    // As a killed store leaves it: a write-ahead log that was not copied back.
    const auto database = open_sqlite(file());
    for (const auto* id : {"m2", "m3"}) store(*database, id);
    for (const auto* suffix : {"", "-wal"}) {
      copy_file(file("duet.db" + std::string(suffix)), file("killed.db" + std::string(suffix)));
    }
  }
  for (const auto* suffix : {"", "-wal"}) {
    rename(file("killed.db" + std::string(suffix)), file("duet.db" + std::string(suffix)));
  }
  const Restored restored = restore(true);
  EXPECT_EQ(ids_in(file()), std::vector<std::string>{"m1"});
  EXPECT_EQ(ids_in(restored.aside.value()).size(), 3U) << "what was in the log is kept";
}

TEST_F(SqliteBackup, ReplacesADatabaseThatIsDamaged) {
  make("m1");
  back_up();
  std::ofstream(file()) << std::string(5000, 'z');
  EXPECT_EQ(restore(true).aside, file("duet.db.replaced-1"));
  EXPECT_EQ(ids_in(file()), std::vector<std::string>{"m1"});
}

TEST_F(SqliteBackup, IsNotRestoredUnderARunningStore) {
  make("m1");
  back_up();
  const auto database = open_sqlite(file());
  EXPECT_THAT(refusal_of([&] { restore(true); }), HasSubstr("in use by another process"));
}

TEST_F(SqliteBackup, ThatIsBrokenIsNotRestored) {
  make("m1");
  {
    sqlite::Connection connection(file(), sqlite::Connection::Mode::read_write);
    connection.execute("damage", "UPDATE messages SET seq = 2");
  }
  back_up();
  EXPECT_GT(restore(true).backup.violations, 0U);
  EXPECT_THAT(violations_, testing::Contains(StartsWith("seq: ")));
  EXPECT_FALSE(exists(file("duet.db.replaced-1")));

  std::ofstream(backup()) << "no database";
  EXPECT_THAT(refusal_of([&] { restore(true); }), HasSubstr("backup.db"));
}

}  // namespace
}  // namespace duet
