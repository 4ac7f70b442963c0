// duet-bench: see README.md.

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/arrival.h"
#include "bench/load.h"
#include "bench/options.h"
#include "bench/platform.h"
#include "bench/processes.h"
#include "bench/report.h"
#include "bench/stop_signal.h"
#include "bench/swarm.h"
#include "bench/target.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kConnectDeadline{120};

std::string random_run() {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::random_device random;
  std::string run;
  for (int i = 0; i < 8; ++i) run.push_back(kDigits[random() % kDigits.size()]);
  return run;
}

std::vector<ClientSpec> clients_of(const Target& target) {
  std::vector<ClientSpec> clients;
  for (const PairPlan& pair : target.pairs) {
    clients.push_back(pair.sender);
    clients.push_back(pair.recipient);
  }
  return clients;
}

TargetReport measure(const Target& target, const std::string& run, const Options& options,
                     const StopSignal& stop) {
  const auto say = [&](const std::string& what) { std::cerr << target.name << ": " << what << std::endl; };
  Swarm swarm(target.broker, options.mqtt, clients_of(target), stop);
  say("connecting " + std::to_string(swarm.size()) + " clients");
  swarm.connect_all(BenchClock::now() + kConnectDeadline,
                    [&](std::size_t ready) { say(std::to_string(ready) + " connected"); });
  Load load(swarm, target, {options.body_bytes, options.receipts, options.mqtt, message_marker(run)});
  say("warming up");
  load.warm_up();
  TargetReport report{target.name, std::nullopt, std::nullopt, load.faults()};
  if (report.faults.total() > 0) return report;
  if (options.open_loop) {
    say("open loop");
    report.open = load.open_loop(options.rate, options.duration);
  }
  if (options.closed_loop) {
    say("closed loop");
    report.closed = load.closed_loop(options.window, options.duration);
  }
  report.faults = load.faults();
  return report;
}

Timestamp now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

int run_bench(const Options& options) {
  raise_file_limit(2 * options.pairs + 100);
  const StopSignal stop;
  const ScratchDirectory scratch(options.scratch);
  const std::string run = random_run();
  std::vector<TargetReport> reports;
  if (options.duet) {
    const Platform platform =
        options.data ? Platform::running(*options.data) : Platform::start(scratch.path(), stop);
    reports.push_back(measure(duet_target(platform, options.pairs, run, now()), run, options, stop));
  }
  if (options.relay) {
    const PlainRelay relay(scratch.path(), stop);
    reports.push_back(measure(relay_target(relay, options.pairs, run), run, options, stop));
  }
  (options.json ? print_json : print_table)(options, reports, std::cout);
  const bool correct = std::all_of(reports.begin(), reports.end(),
                                   [](const TargetReport& report) { return report.faults.total() == 0; });
  return correct ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) try {
  int exit_code = EXIT_SUCCESS;
  const auto options = duet::parse_options(argc, argv, exit_code);
  return options ? duet::run_bench(*options) : exit_code;
} catch (const std::exception& error) {
  std::cerr << "duet-bench: " << error.what() << '\n';
  return EXIT_FAILURE;
}
