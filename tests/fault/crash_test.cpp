// Every crash point (file_io/crash_point.h): a process under load dies there, by itself, at a certain pass of
// it, and is started again; then everything is compared, and what is on disk is verified. Prints a line of a
// table for each point.
//
// DUET_CRASHES: 1 (as CI has it): each point at its first pass. 3: at its first, its seventh and one by
// chance. DUET_SEED: what the first run printed, to see its chances again.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <random>

#include "file_io/crash_point.h"
#include "journal/segment.h"
#include "tests/fault/crash_counter.h"
#include "tests/fault/peer_process.h"
#include "tests/fault/record.h"
#include "tests/support/end_record.h"
#include "tests/support/environment.h"
#include "tests/support/load.h"
#include "tests/support/platform_test.h"
#include "tests/support/verify_platform.h"

namespace duet {

// What GoogleTest calls a point; it looks for this in the namespace of the type.
static void PrintTo(const CrashPoint& point, std::ostream* out) {
  *out << point.name;
}

namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;

// How processes are brought to a point.
enum class Way : std::uint8_t {
  load,            // it lies on the way of every message
  ask,             // clients ask
  stall,           // the store rests, and then has much to do at once
  restart_broker,  // killed: it passes the point when it starts
  tear,            // the same, with half a record at the end of its journal
  restart_store,   // killed: it, or the broker, passes the point when it connects
  first_start,     // once in the life of a database
};

Way way_to(std::string_view point) {
  if (point.starts_with("migration.")) return Way::first_start;
  if (point == "journal.opening.cut") return Way::tear;
  if (point.starts_with("journal.opening.")) return Way::restart_broker;
  if (point.starts_with("session.") || point == "feeder.from") return Way::restart_store;
  if (point == "deliver.between") return Way::stall;
  return point == "reply.before" ? Way::ask : Way::load;
}

// The seed of all chances of this run.
std::uint64_t crash_seed() {
  static const std::uint64_t seed = number_from_environment("DUET_SEED", std::random_device{}());
  return seed;
}

// At which passes of the point processes die, counted from the start and from each death.
std::vector<std::uint64_t> passes_of(const CrashPoint& point) {
  const Way way = way_to(point.name);
  if (number_from_environment("DUET_CRASHES", 1) == 1 || way == Way::first_start) return {1};
  // So that a point alone, by --gtest_filter, has the chance it has among all.
  std::mt19937_64 random(crash_seed() + std::hash<std::string_view>()(point.name));
  // Who has to be killed for each pass is so some times only.
  const bool often = way == Way::load || way == Way::ask;
  return {1, 7, std::uniform_int_distribution<std::uint64_t>(2, often ? 100 : 10)(random)};
}

// One line of the table, and the expectations that it sums up.
void judge(const CrashPoint& point, const Load::Judgement& judgement) {
  EXPECT_THAT(judgement.violations, IsEmpty());
  EXPECT_THAT(judgement.complaints, IsEmpty());
  EXPECT_GT(judgement.stored, 0U);
  const Tally broken = tally(judgement.violations);
  std::cout << "| " << point.name << " | " << to_string(point.program) << " | " << point.stands << " | ";
  const auto passes = passes_of(point);
  for (std::size_t i = 0; i < passes.size(); ++i) std::cout << (i == 0 ? "" : ", ") << passes[i];
  std::cout << " | " << judgement.stored << " | " << broken.lost << " | " << broken.duplicated << " | "
            << broken.out_of_order << " | " << broken.other + judgement.complaints.size() << " |"
            << std::endl;
}

void print_head() {
  std::cout << "DUET_SEED=" << crash_seed()
            << "\n\n| point | dies | where | at pass | stored | lost | duplicated | out of order | other |\n"
               "|---|---|---|---|---:|---:|---:|---:|---:|\n";
}

// So many messages of each device show that all is well again.
constexpr std::size_t kMore = 20;

class CrashInPlatform : public ::testing::TestWithParam<CrashPoint> {
 protected:
  CrashInPlatform()
      : way_(way_to(GetParam().name)),
        victim_(GetParam().program == CrashProgram::broker ? Service::broker : Service::store),
        platform_(PlatformSpec{.config = std::string(kSmallSegments),
                               .environment = counter_.environment(GetParam().name)}),
        load_(platform_, {.pairs = 2, .interval = milliseconds(10)}) {}

  static void SetUpTestSuite() { print_head(); }
  void TearDown() override {
    if (HasFailure()) std::cerr << "DUET_SEED=" << crash_seed() << "\n" << platform_.logs();
  }

  // Until the process has died at that pass, counted since the counter was armed.
  bool die_at(std::uint64_t nth) {
    const pid_t before = nth == 1 ? -1 : platform_.pid(victim_);  // it may have died long ago at the first
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (counter_.passes() < nth) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      go_there(nth);
    }
    // Nobody kills it from here on but the point: this also tells that the point kills at all.
    EXPECT_TRUE(eventually([&] { return counter_.victim() > 0 && !process_runs(counter_.victim()); }))
        << "it passed the point and lived";
    platform_.await_replaced(victim_, before);
    return true;
  }

  // Does what brings a process nearer to the point.
  void go_there(std::uint64_t nth) {
    const auto passed = [&] { return counter_.passes() >= nth; };
    switch (way_) {
      case Way::load:
      case Way::first_start:
        eventually(passed, milliseconds(100));
        break;
      case Way::ask:
        load_.want_sync();
        eventually(passed, milliseconds(50));
        break;
      case Way::stall:
        load_.await_progress(1);
        platform_.kill(Service::store, SIGSTOP);
        load_.await_published(200);
        platform_.kill(Service::store, SIGCONT);
        load_.await_progress(200);
        break;
      case Way::tear:
        tear_journal();
        platform_.kill_and_await({Service::broker});
        load_.await_progress(kMore);
        break;
      case Way::restart_broker:
        platform_.kill_and_await({Service::broker});
        load_.await_progress(kMore);
        break;
      case Way::restart_store:
        platform_.kill_and_await({Service::store});
        load_.await_progress(kMore);
        break;
    }
  }

  // Half a record behind the last one. The broker is stopped, and has to be killed.
  void tear_journal() {
    platform_.kill(Service::broker, SIGSTOP);
    const auto directory = journal_of(platform_);
    const auto newest = directory / segment_file_name(list_segments(directory).back());
    std::ofstream(newest, std::ios::binary | std::ios::app) << "half a record";
  }

  Load::Connections connections() const {
    const bool broker_dies = victim_ == Service::broker || way_ == Way::restart_broker || way_ == Way::tear;
    return broker_dies ? Load::Connections::lost : Load::Connections::kept;
  }

  const Way way_;
  const Service victim_;
  CrashCounter counter_;
  TestPlatform platform_;
  Load load_;
};

TEST_P(CrashInPlatform, LosesNothing) {
  for (const std::uint64_t nth : passes_of(GetParam())) {
    if (nth != 1) counter_.arm(nth);
    ASSERT_TRUE(die_at(nth)) << "nobody comes to this point: see way_to() in " << __FILE__;
    load_.await_progress(kMore);
  }
  judge(GetParam(), load_.finish(connections()));
  EXPECT_THAT(verify_platform(platform_), IsEmpty());
}

class CrashInClient : public SharedPlatformTest<CrashInClient>,
                      public ::testing::WithParamInterface<CrashPoint> {
 protected:
  CrashInClient()
      : user_(fresh_user("alice")),
        peer_(fresh_user("bob")),
        record_(dir_.path() / "record"),
        process_(PeerKind::library,
                 {{.user = user_,
                   .device = "load",
                   .peers = {peer_},
                   .token = platform().tokens().chat(user_),
                   .url = "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port()),
                   .interval = milliseconds(10),
                   .record = record_,
                   .state = dir_.path() / "state"}},
                 dir_.path() / "process", counter_.environment(GetParam().name)),
        chatter_(platform(), {.user = peer_, .peer = user_, .interval = milliseconds(10), .receipts = true}) {
  }

  static void SetUpTestSuite() {
    SharedPlatformTest::SetUpTestSuite();
    print_head();
  }

  void TearDown() override {
    if (HasFailure()) {
      std::cerr << "DUET_SEED=" << crash_seed() << "\n" << text_of(dir_.path() / "process" / "stderr");
    }
    SharedPlatformTest::TearDown();
  }

  // Waits until both are at rest, and everybody has seen all.
  void settle(Load::Judgement& judgement) {
    const auto expect = [&](bool holds, const char* otherwise) {
      if (!holds) judgement.complaints.emplace_back(otherwise);
    };
    process_.stop_publishing();
    expect(chatter_.finish(), "the peer has unconfirmed messages");
    const Seq last = chatter_.highest_seen();
    expect(eventually([&] { return chatter_.seen_all(last); }), "the peer has not seen all");
    expect(eventually([&] { return told_up_to() >= last; }), "the library has not told all");
    expect(eventually([&] { return chatter_.quiet(); }), "the peer does not come to rest");
    expect(process_.quit() == 0, "the process does not end well");
  }

  Seq told_up_to() const {
    PeerRecord record = read_record(record_, user_);
    Seq last = 0;
    for (const Envelope& envelope : record.conversations[peer_].messages.live) {
      last = std::max(last, envelope.seq);
    }
    return last;
  }

  TempDir dir_;
  const std::string user_;
  const std::string peer_;
  const std::filesystem::path record_;
  CrashCounter counter_;
  PeerProcess process_;
  Chatter chatter_;
};

TEST_P(CrashInClient, LosesNothing) {
  for (const std::uint64_t nth : passes_of(GetParam())) {
    if (nth != 1) counter_.arm(nth);
    ASSERT_TRUE(eventually([&] { return counter_.passes() >= nth; })) << "nobody comes to this point";
    process_.await_death_and_restart();
    process_.await_confirmed(kMore);
  }
  Load::Judgement judgement;
  settle(judgement);
  PeerRecord record = read_record(record_, user_);
  const UserRecord side =
      end_record(platform(), user_, peer_, {device_record(std::move(record.conversations[peer_]))});
  judgement.stored = side.history.size();
  judgement.violations = check_conversation(side, record_of(platform(), chatter_));
  for (const auto& complaints : {record.complaints, chatter_.complaints()}) {
    judgement.complaints.insert(judgement.complaints.end(), complaints.begin(), complaints.end());
  }
  judge(GetParam(), judgement);
}

std::vector<CrashPoint> points_of(std::initializer_list<CrashProgram> programs) {
  std::vector<CrashPoint> points;
  for (const CrashPoint& point : kCrashPoints) {
    if (std::ranges::count(programs, point.program) > 0) points.push_back(point);
  }
  return points;
}

// journal.append.half: journal_append_half.
std::string name_of(const ::testing::TestParamInfo<CrashPoint>& info) {
  std::string name(info.param.name);
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Each, CrashInPlatform,
                         ::testing::ValuesIn(points_of({CrashProgram::broker, CrashProgram::store})),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Each, CrashInClient, ::testing::ValuesIn(points_of({CrashProgram::client})),
                         name_of);

}  // namespace
}  // namespace duet
