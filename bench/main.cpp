// duet-bench: see README.md.

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bench/arrival.h"
#include "bench/idle_websockets.h"
#include "bench/load.h"
#include "bench/options.h"
#include "bench/platform.h"
#include "bench/processes.h"
#include "bench/reconnect.h"
#include "bench/report.h"
#include "bench/stop_signal.h"
#include "bench/swarm.h"
#include "bench/target.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kConnectDeadline{120};

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

int run(const Options& options, const std::filesystem::path& scratch, const StopSignal& stop) {
  raise_file_limit(2 * options.pairs + 100);
  const std::string run = random_run();
  std::vector<TargetReport> reports;
  if (options.duet) {
    const Platform platform = options.data
                                  ? Platform::running(*options.data)
                                  : Platform::start(scratch, stop, Platform::Limits::none,
                                                    options.push ? Platform::Push::yes : Platform::Push::no);
    reports.push_back(measure(duet_target(platform, options.pairs, run, wall_now()), run, options, stop));
  }
  if (options.relay) {
    const PlainRelay relay(scratch, stop);
    reports.push_back(measure(relay_target(relay, options.pairs, run), run, options, stop));
  }
  (options.json ? print_json : print_table)(options, reports, std::cout);
  const bool correct = std::all_of(reports.begin(), reports.end(),
                                   [](const TargetReport& report) { return report.faults.total() == 0; });
  return correct ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(IdleOptions options, const std::filesystem::path& scratch, const StopSignal& stop) {
  raise_file_limit(2 * options.clients + 2 * options.pairs + 200);  // the gateway's, by inheritance
  options.scratch = scratch;
  const IdleReport report = measure_idle(options, stop);
  print_idle(options, report, std::cout);
  return report.valid() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(ReconnectOptions options, const std::filesystem::path& scratch, const StopSignal& stop) {
  raise_file_limit((options.websocket ? 2 : 1) * options.clients + 200);
  options.scratch = scratch;
  const ReconnectReport report = measure_reconnect(options, stop);
  print_reconnect(options, report, std::cout);
  return all_well(options, report) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_command(const Command& command) {
  const StopSignal stop;
  return std::visit(
      [&](const auto& options) {
        const ScratchDirectory scratch(options.scratch);
        return run(options, scratch.path(), stop);
      },
      command);
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) try {
  int exit_code = EXIT_SUCCESS;
  const auto command = duet::parse_options(argc, argv, exit_code);
  return command ? duet::run_command(*command) : exit_code;
} catch (const std::exception& error) {
  std::cerr << "duet-bench: " << error.what() << '\n';
  return EXIT_FAILURE;
}
