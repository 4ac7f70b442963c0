// duet-torture: a storm, and the judgement. scripts/torture builds and runs it.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <random>

#include "tests/fault/storm.h"

namespace {

duet::StormOptions parse(CLI::App& app, int argc, char** argv) {
  duet::StormOptions options;
  options.seed = std::random_device()();
  long seconds = options.duration.count();
  long interval_ms = options.interval.count();
  long patience = options.patience.count();
  long ready_within = options.ready_within.count();
  bool no_disks = false;
  bool no_clocks = false;
  app.add_option("--seconds", seconds, "how long it lasts, without the checking")->capture_default_str();
  app.add_option("--seed", options.seed, "the same seed strikes the same blows in the same order");
  app.add_option("--users", options.users, "each has two devices of libmosquitto")
      ->check(CLI::Range(3, 2000))
      ->capture_default_str();
  app.add_option("--node-users", options.node_users, "so many have one of MQTT.js too")
      ->capture_default_str();
  app.add_option("--library-users", options.library_users, "and so many one of our client library")
      ->capture_default_str();
  app.add_option("--interval", interval_ms, "milliseconds between two messages of a device")
      ->check(CLI::Range(1, 3'600'000))
      ->capture_default_str();
  app.add_option("--patience", patience, "seconds for a recovery, and for each step of coming to rest")
      ->capture_default_str();
  app.add_option("--ready-within", ready_within,
                 "seconds after a blow in which every process must be ready; 0: any")
      ->capture_default_str();
  app.add_flag("--no-disks", no_disks, "no full disks (those need root)");
  app.add_flag("--no-clocks", no_clocks, "no jumps of the clock (they do not go with the sanitizers)");
  app.add_option("--keep", options.keep, "where data and records are copied to after a violation");
  app.parse(argc, argv);
  options.duration = std::chrono::seconds(seconds);
  options.interval = std::chrono::milliseconds(interval_ms);
  options.patience = std::chrono::seconds(patience);
  options.ready_within = std::chrono::seconds(ready_within);
  options.disks = !no_disks;
  options.clocks = !no_clocks;
  return options;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("duet-torture: hundreds of clients chat while everything that can break does");
  duet::StormOptions options;
  try {
    options = parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  std::cout << "seed " << options.seed << std::endl;
  const auto report = duet::run_storm(options, std::cout);
  std::cout << report;
  std::cout << (report.clean() ? "every law was kept" : "LAWS WERE BROKEN") << std::endl;
  return report.clean() ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::cerr << "duet-torture: " << error.what() << '\n';
  return EXIT_FAILURE;
}
