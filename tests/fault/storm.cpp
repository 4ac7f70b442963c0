#include "tests/fault/storm.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <memory>
#include <optional>
#include <ostream>

#include "tests/fault/recovery_clock.h"
#include "tests/fault/storm_blows.h"
#include "tests/fault/storm_clients.h"
#include "tests/support/loopback.h"
#include "tests/support/sanitizer_reports.h"
#include "tests/support/small_disk.h"
#include "tests/support/test_platform.h"
#include "tests/support/verify_platform.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kJournalDiskBytes = std::size_t{64} << 20;
constexpr std::size_t kDatabaseDiskBytes = std::size_t{2} << 30;

PlatformSpec platform_spec(const StormOptions& options, std::unique_ptr<StormDisks>& disks) {
  PlatformSpec spec{.config = std::string(kSmallSegments) + "[tokens]\nclock_skew_s = 1\nservice_ttl_s = " +
                              std::to_string(kStormServiceTokenLife.count()) + "\n",
                    .environment = {{"DUET_KICK_FILE", "{dir}/kick"}},
                    .plugin = build_dir() / "tests" / "duet_kicking_plugin.so"};
  if (options.clocks) {
    spec.environment["LD_PRELOAD"] = (build_dir() / "lib" / "libduet_clock_shim.so").string();
    spec.environment["DUET_CLOCK_OFFSET"] = "{dir}/clock";
  }
  spec.prepare = [&](const std::filesystem::path& data) {
    if (options.clocks) ShiftedClock(data.parent_path() / "clock");
    if (!options.disks) return;
    for (const char* part : {"journal", "store"}) std::filesystem::create_directories(data / part);
    disks.reset(new StormDisks{{data / "journal", kJournalDiskBytes}, {data / "store", kDatabaseDiskBytes}});
  };
  return spec;
}

bool listens(std::uint16_t port) {
  const int connection = connect_on_loopback(port, "127.0.0.1");
  if (connection >= 0) ::close(connection);
  return connection >= 0;
}

// The supervisor has found every process ready, and as that may be a moment ago: every one runs and says so
// itself, or accepts connections.
bool all_ready(const TestPlatform& platform) {
  const auto said = platform.ready();
  if (!said || !said->value("ready", false)) return false;
  for (const auto service : {Service::broker, Service::auth, Service::store, Service::gateway}) {
    if (!process_runs(platform.pid(service))) return false;
  }
  for (const auto service : {Service::store, Service::gateway}) {
    pid_t ready = 0;
    std::ifstream(platform.data_dir() / "run" / (std::string(to_string(service)) + ".ready")) >> ready;
    if (ready != platform.pid(service)) return false;
  }
  return listens(platform.mqtt_port()) && listens(platform.http_port());
}

class Storm {
 public:
  Storm(const StormOptions& options, std::ostream& progress)
      : options_(options),
        progress_(progress),
        platform_(platform_spec(options_, disks_)),
        clients_(platform_, options_, recovery_, records_.path()),
        shifted_(options.clocks ? std::optional<ShiftedClock>(platform_.data_dir().parent_path() / "clock")
                                : std::nullopt),
        blows_(platform_, clients_, disks_.get(), shifted_ ? &*shifted_ : nullptr, options.seed) {
    report_.seed = options.seed;
    report_.devices = clients_.devices();
  }

  StormReport run() {
    recovery_.strike();
    await_recovery("the start");
    const auto begin = Clock::now();
    for (std::size_t number = 1; Clock::now() < begin + options_.duration; ++number) one_blow(number);
    blows_.heal();
    progress_ << "settling" << std::endl;
    for (auto& complaint : clients_.settle()) report_.complaints.push_back(std::move(complaint));
    progress_ << "checking" << std::endl;
    clients_.check(report_);
    for (const auto& line : verify_platform(platform_)) report_.complaints.push_back("verify: " + line);
    platform_.stop();
    add_sanitizer_reports();
    if (!report_.clean()) keep();
    return std::move(report_);
  }

 private:
  void one_blow(std::size_t number) {
    const Blow blow = blows_.next();
    report_.kills += kills(blow);
    if (kills(blow) > 0) recovery_.strike();
    blows_.strike(blow);
    if (kills(blow) == 0) recovery_.strike();  // what was stopped or full is well from now on
    const auto struck = Clock::now();
    const std::string name(to_string(blow));
    const auto took = await_recovery(name);
    await_ready(name, struck);
    progress_ << number << " " << to_string(blow) << ": "
              << (took ? std::to_string(took->count()) + " ms" : "no recovery") << std::endl;
    if (took) report_.recoveries[name].push_back(*took);
    clients_.listen();
    eventually([] { return false; }, blows_.pause());
  }

  std::optional<milliseconds> await_recovery(const std::string& from) {
    const auto took = recovery_.wait(options_.patience);
    if (!took) report_.complaints.push_back("no message was delivered after " + from);
    return took;
  }

  void await_ready(const std::string& blow, Clock::time_point struck) {
    const bool ready = eventually([&] { return all_ready(platform_); }, options_.patience);
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - struck);
    report_.readiness[blow].push_back(took);
    if (!ready || (options_.ready_within.count() > 0 && took > options_.ready_within)) {
      report_.complaints.push_back("not ready " + std::to_string(took.count()) + " ms after " + blow);
    }
  }

  void add_sanitizer_reports() {
    for (auto& text : platform_.sanitizer_reports()) report_.complaints.push_back(std::move(text));
    for (auto& text : sanitizer_reports(records_.path())) report_.complaints.push_back(std::move(text));
  }

  void keep() {
    if (options_.keep.empty()) return;
    std::filesystem::create_directories(options_.keep);
    constexpr auto kHow =
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy(platform_.data_dir(), options_.keep / "data", kHow);
    std::filesystem::copy(records_.path(), options_.keep / "records", kHow);
  }

  const StormOptions options_;
  std::ostream& progress_;
  StormReport report_;
  RecoveryClock recovery_;
  const TempDir records_;
  std::unique_ptr<StormDisks> disks_;
  TestPlatform platform_;
  StormClients clients_;
  std::optional<ShiftedClock> shifted_;
  StormBlows blows_;
};

milliseconds percentile(std::vector<milliseconds> values, double share) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(std::llround(share * static_cast<double>(values.size() - 1))));
}

void print_recoveries(std::ostream& out, const StormReport& report) {
  out << "\n| blow | times | until the next message, ms: p50 | p99 | max | until every process is ready, ms: "
         "max |\n"
         "|---|---:|---:|---:|---:|---:|\n";
  for (const auto& [name, times] : report.recoveries) {
    out << "| " << name << " | " << times.size() << " | " << percentile(times, 0.5).count() << " | "
        << percentile(times, 0.99).count() << " | " << percentile(times, 1).count() << " | "
        << percentile(report.readiness.at(name), 1).count() << " |\n";
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const StormReport& report) {
  const Tally broken = tally(report.violations);
  out << "seed " << report.seed << ", " << report.devices << " devices, " << report.kills << " kills\n"
      << "published " << report.published << ", acknowledged " << report.acknowledged << ", refused "
      << report.refused << ", stored " << report.stored << "\n"
      << "lost " << broken.lost << ", duplicated " << broken.duplicated << ", out of order "
      << broken.out_of_order << ", other violations " << broken.other << "\n";
  print_recoveries(out, report);
  for (const Violation& violation : report.violations) out << "VIOLATION " << violation << "\n";
  for (const std::string& complaint : report.complaints) out << "COMPLAINT " << complaint << "\n";
  return out;
}

StormReport run_storm(const StormOptions& options, std::ostream& progress) {
  return Storm(options, progress).run();
}

}  // namespace duet
