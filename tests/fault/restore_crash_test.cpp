// duet-store restore dies half way, at each of its crash points and by chance: there is the old database or
// the new one, whole, with its own epoch and nothing of the other's; and the next restore succeeds.
//
// DUET_KILLS: how many by chance (4).

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <random>

#include "file_io/crash_point.h"
#include "store_service/sqlite/backup.h"
#include "store_service/sqlite/sqlite_store.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/test_platform.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

using std::chrono::microseconds;
using ::testing::Contains;
using ::testing::IsEmpty;

constexpr int kKilled = 128 + SIGKILL;

const UserId kAlice = *UserId::parse("alice");
const UserId kBob = *UserId::parse("bob");

// What a database is, to its clients.
struct Content {
  std::string epoch;
  std::vector<std::string> bodies;
  friend bool operator==(const Content&, const Content&) = default;
};

void PrintTo(const Content& content, std::ostream* out) {
  *out << content.bodies.size() << " messages, epoch " << content.epoch;
}

void add_messages(Database& database, std::size_t count, const std::string& body) {
  const auto transaction = database.begin();
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = *MessageId::parse(body.substr(0, 1) + std::to_string(i));
    transaction->append({kAlice, kBob, id, Timestamp(std::chrono::milliseconds(1)), "text/plain", body});
  }
  transaction->commit();
}

Content content_of(const fs::path& file) {
  const auto database = open_sqlite(file);
  Content content{database->epoch(), {}};
  constexpr std::size_t kAll = 100'000;
  for (const Envelope& envelope :
       database->reader()->history(kAlice, kBob, {}, 0, kAll, std::size_t{1} << 30).items) {
    content.bodies.push_back(envelope.body);
  }
  return content;
}

// A backup, and a database that has gone on since, as a killed store leaves it: with a write-ahead log.
class RestoreDies : public ::testing::Test {
 protected:
  void make(std::size_t messages) {
    {
      const auto database = open_sqlite(working_);
      add_messages(*database, messages, std::string(1000, 'b'));
    }
    back_up_sqlite(working_, backup_, {});
    const auto database = open_sqlite(working_);
    add_messages(*database, messages, std::string(1000, 'l'));
    for (const char* suffix : {"", "-wal"})
      fs::copy_file(working_.string() + suffix, killed_.string() + suffix);
    put_back();
    old_ = content_of(database_);
    new_bodies_ = content_of(backup_).bodies;
    put_back();
    ASSERT_GT(fs::file_size(database_.string() + "-wal"), 0U);
  }
  // The old database as at the start, and nothing else.
  void put_back() const {
    fs::remove_all(directory_);
    fs::create_directory(directory_);
    for (const char* suffix : {"", "-wal"})
      fs::copy_file(killed_.string() + suffix, database_.string() + suffix);
  }

  std::vector<std::string> restore_command() const {
    return {program("duet-store"), "restore",          "--backup", backup_.string(),
            "--database",          database_.string(), "--replace"};
  }

  bool is_old(const Content& content) const { return content == old_; }
  bool is_new(const Content& content) const {
    return content.bodies == new_bodies_ && content.epoch != old_.epoch;
  }
  void expect_old_or_new() const {
    const Finished verified =
        run_command({program("duet-store"), "verify", "--database", database_.string()});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    const Content found = content_of(database_);
    EXPECT_TRUE(is_old(found) || is_new(found)) << ::testing::PrintToString(found);
  }
  void expect_that_the_next_succeeds() const {
    const Finished restored = run_command(restore_command());
    EXPECT_EQ(restored.status, 0) << restored.err;
    EXPECT_TRUE(is_new(content_of(database_)));
    std::vector<Content> aside;
    std::vector<std::string> unfinished;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".tmp")) unfinished.push_back(name);
      if (name.find(".replaced-") != std::string::npos && name.find("-wal") == std::string::npos &&
          name.find("-shm") == std::string::npos && name.find(".lock") == std::string::npos) {
        aside.push_back(content_of(entry.path()));
      }
    }
    EXPECT_THAT(aside, Contains(old_)) << "what was there is kept under another name";
    EXPECT_THAT(unfinished, IsEmpty());
  }

  TempDir dir_;
  const fs::path working_ = dir_.path() / "working.db";
  const fs::path backup_ = dir_.path() / "backup.db";
  const fs::path killed_ = dir_.path() / "killed.db";
  const fs::path directory_ = dir_.path() / "store";
  const fs::path database_ = directory_ / "duet.db";
  Content old_;
  std::vector<std::string> new_bodies_;
};

class RestoreDiesAt : public RestoreDies, public ::testing::WithParamInterface<std::string> {};

TEST_P(RestoreDiesAt, ThereIsTheOldOrTheNew) {
  make(20);
  auto command = restore_command();
  command.insert(command.begin(), {"env", "DUET_CRASH_AT=" + GetParam()});
  EXPECT_EQ(run_command(command).status, kKilled) << "it passed the point and lived";
  expect_old_or_new();
  EXPECT_EQ(is_new(content_of(database_)), GetParam() == "restore.published");
  expect_that_the_next_succeeds();
}

std::vector<std::string> restore_points() {
  std::vector<std::string> names;
  for (const CrashPoint& point : kCrashPoints) {
    if (point.program == CrashProgram::restore) names.emplace_back(point.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Each, RestoreDiesAt, ::testing::ValuesIn(restore_points()), [](const auto& point) {
  std::string name = point.param;
  std::ranges::replace(name, '.', '_');
  return name;
});

TEST_F(RestoreDies, AtAnyMoment) {
  make(500);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run_command(restore_command()).status, 0);
  const auto whole = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - start);
  auto longest = whole;  // before which a restore can be killed, as far as is known
  const auto seed = std::random_device()();
  std::mt19937 random(seed);
  const auto kills = number_from_environment("DUET_KILLS", 4);
  std::uint64_t deaths = 0;
  for (std::uint64_t attempt = 0; attempt < 10 * kills && deaths < kills; ++attempt) {
    put_back();
    ChildProcess restore(restore_command(), ChildProcess::Streams::to_log, dir_.path() / "log");
    const auto moment = microseconds(std::uniform_int_distribution<long>(0, longest.count())(random));
    eventually([&] { return restore.exit_status().has_value(); },
               std::chrono::duration_cast<std::chrono::milliseconds>(moment));
    restore.signal(SIGKILL);
    const bool died = restore.wait() == kKilled;
    deaths += died ? 1U : 0U;
    if (!died) longest = moment;
    expect_old_or_new();
  }
  std::cout << "seed " << seed << ": " << deaths << " of " << kills << " died" << std::endl;
  EXPECT_EQ(deaths, kills);
  expect_that_the_next_succeeds();
}

}  // namespace
}  // namespace duet
