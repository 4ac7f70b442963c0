// The power goes under load, again and again (tests/fault/power_cut.h), in each mode of journal_sync.
//
// DUET_CUTS: how many cuts for each mode (2); DUET_SEED: what the first run printed, to see its cuts again.

#include "tests/fault/power_cut.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <algorithm>
#include <csignal>

#include "tests/support/chatter.h"
#include "tests/support/end_record.h"
#include "tests/support/environment.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using ::testing::IsEmpty;

constexpr int kPairs = 2;

struct Mode {
  std::string sync;
  bool resend;  // false: what was acknowledged must not need it
};

std::ostream& operator<<(std::ostream& out, const Mode& mode) {
  return out << "journal_sync " << mode.sync;
}

class PowerCut : public ::testing::TestWithParam<Mode> {
 protected:
  PowerCut()
      : seed_(number_from_environment("DUET_SEED", std::random_device{}())),
        random_(seed_),
        platform_(PowerPlatform::spec(std::string(kUnlimited) +
                                      "[journal]\nsegment_bytes = 16384\nsync = \"" + GetParam().sync +
                                      "\"\n")) {
    RecordProperty("seed", std::to_string(seed_));
  }

  void TearDown() override {
    if (!HasFailure()) return;
    std::cerr << "DUET_SEED=" << seed_ << "\nthe last cut:\n";
    for (const std::string& loss : losses_) std::cerr << "  " << loss << "\n";
    std::cerr << platform_.logs();
  }

  void start_load() {
    for (int pair = 1; pair <= kPairs; ++pair) {
      const std::string left = "left" + std::to_string(pair);
      const std::string right = "right" + std::to_string(pair);
      for (const auto& [user, peer] : {std::pair(left, right), std::pair(right, left)}) {
        chatters_.push_back(std::make_unique<Chatter>(
            platform_, ChatterSpec{.user = user,
                                   .peer = peer,
                                   .version = user == left ? MqttVersion::v3_1_1 : MqttVersion::v5,
                                   .interval = std::chrono::milliseconds(4),
                                   .resend = GetParam().resend}));
      }
    }
  }

  using Count = std::size_t (Chatter::*)() const;

  // Waits until each has `more` than now.
  bool await_growth(Count count, std::size_t more) {
    std::vector<std::size_t> goals;
    goals.reserve(chatters_.size());
    for (const auto& chatter : chatters_) goals.push_back((*chatter.*count)() + more);
    return eventually([&] {
      return std::ranges::equal(chatters_, goals, [count](const auto& chatter, std::size_t goal) {
        return (*chatter.*count)() >= goal;
      });
    });
  }

  // The platform works again, for everybody, `more` times.
  bool await_progress(std::size_t more) {
    return await_growth(&Chatter::published, more) && await_growth(&Chatter::confirmed, more);
  }

  // The store rests while everybody goes on: the journal alone has what is acknowledged then.
  bool await_backlog() {
    constexpr std::size_t kBacklog = 25;
    platform_.kill(Service::store, SIGSTOP);
    return await_growth(&Chatter::published, kBacklog);
  }

  void cut() {
    losses_ = PowerPlatform::cut(platform_, random_);
    check_database();
  }

  // On a copy: opening the database is the store's to do.
  void check_database() const {
    const TempDir copy;
    for (const char* name : {"duet.db", "duet.db-wal"}) {
      const auto file = platform_.data_dir() / "store" / name;
      if (std::filesystem::exists(file)) std::filesystem::copy(file, copy.path() / name);
    }
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((copy.path() / "duet.db").c_str(), &database), SQLITE_OK);
    std::string answer;
    const auto add = [](void* to, int, char** texts, char**) {
      *static_cast<std::string*>(to) += texts[0];
      return 0;
    };
    sqlite3_exec(database, "PRAGMA integrity_check", add, &answer, nullptr);
    sqlite3_close(database);
    EXPECT_EQ(answer, "ok");
  }

  void check_conversations() {
    for (std::size_t i = 0; i < chatters_.size(); i += 2) {
      Chatter& left = *chatters_[i];
      Chatter& right = *chatters_[i + 1];
      const Seq last = std::max(left.highest_seen(), right.highest_seen());
      for (Chatter* chatter : {&left, &right}) {
        chatter->sync_again();
        EXPECT_TRUE(eventually([&] { return chatter->seen_all(last); })) << chatter->user();
        EXPECT_THAT(chatter->complaints(), IsEmpty());
      }
      const auto violations = check_conversation(record_of(platform_, left), record_of(platform_, right));
      EXPECT_THAT(violations, IsEmpty()) << left.user() << " and " << right.user();
    }
  }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  TestPlatform platform_;
  std::vector<std::unique_ptr<Chatter>> chatters_;
  std::vector<std::string> losses_;
};

TEST_P(PowerCut, TakesNothingThatWasPromised) {
  constexpr std::size_t kMost = 60;
  start_load();
  const auto cuts = number_from_environment("DUET_CUTS", 2);
  for (std::uint64_t i = 1; i <= cuts; ++i) {
    ASSERT_TRUE(await_progress(std::uniform_int_distribution<std::size_t>(1, kMost)(random_)))
        << "before cut " << i;
    if (std::uniform_int_distribution(0, 1)(random_) == 1) {
      ASSERT_TRUE(await_backlog());
    }
    ASSERT_NO_FATAL_FAILURE(cut());
    platform_.start();
  }
  ASSERT_TRUE(await_progress(1));
  for (const auto& chatter : chatters_) EXPECT_TRUE(chatter->finish()) << chatter->user();
  check_conversations();

  // The shim saw every write: what the processes synced at their end is all there is.
  chatters_.clear();
  ASSERT_EQ(platform_.stop(), 0);
  const auto unsynced = unsynced_files(PowerPlatform::live(platform_), PowerPlatform::shadow(platform_));
  if (GetParam().sync != "none") {
    EXPECT_THAT(unsynced, IsEmpty());
  }
  platform_.start();
}

// Acknowledged and not resent: with `interval` and `none` a power cut may take it, and what is resent must
// not be taken for what was lost.
INSTANTIATE_TEST_SUITE_P(Each, PowerCut,
                         ::testing::Values(Mode{"none", true}, Mode{"interval", true}, Mode{"always", false}),
                         [](const auto& mode) { return mode.param.sync; });

}  // namespace
}  // namespace duet
