// duet-run: runs the whole platform on this machine (scripts/run builds it and hands over to it).
#include <sys/stat.h>
#include <sysexits.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>

#include "file_io/core_dumps.h"
#include "supervisor/demo.h"
#include "supervisor/detach.h"
#include "supervisor/options.h"
#include "supervisor/platform.h"
#include "supervisor/signals.h"
#include "supervisor/stop.h"

namespace duet {
namespace {

int fail(const std::exception& error) {
  std::cerr << "duet: " << error.what() << std::endl;
  return EXIT_FAILURE;
}

int run_in_foreground(const Options& options) try {
  const Signals signals;
  DemoProcess demo;
  const auto on_ready = [&](Report& /*report*/) {
    if (options.demo) demo.start(options.data_dir);
  };
  run_platform(options, signals, {.on_ready = on_ready, .on_stopping = [&] { demo.stop(); }});
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  return fail(error);
}

int run_as_daemon(const Options& options, Launch& launch) try {
  const Signals signals;
  const auto on_ready = [&](Report& report) {
    report.leave_terminal();
    launch.succeeded();
  };
  const auto on_waiting = [&](Report& report) {
    report.leave_terminal();
    launch.waiting();
  };
  run_platform(options, signals, {.on_ready = on_ready, .on_stopping = [] {}, .on_waiting = on_waiting});
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  return fail(error);
}

int detach(const Options& options) {
  switch (run_detached([&](Launch& launch) { return run_as_daemon(options, launch); })) {
    case LaunchOutcome::succeeded:
      if (options.demo) play_demo(options.data_dir, std::cout);
      return EXIT_SUCCESS;
    case LaunchOutcome::waiting:
      std::cout << "duet: it goes on waiting in the background; --stop ends it" << std::endl;
      return EX_TEMPFAIL;
    case LaunchOutcome::failed:
      break;
  }
  return EXIT_FAILURE;
}

int run(int argc, char** argv) try {
  const auto parsed = parse_options(argc, argv);
  if (const auto* status = std::get_if<ExitStatus>(&parsed)) return status->code;
  Options options = std::get<Options>(parsed);
  options.data_dir = std::filesystem::absolute(options.data_dir).lexically_normal();
  hide_memory();  // and what it starts leaves no core dumps
  ::umask(077);   // what lies in the data directory is nobody else's
  if (options.stop) {
    std::cout << "duet: " << stop_platform(options.data_dir) << std::endl;
    return EXIT_SUCCESS;
  }
  if (!options.service_certificate.empty()) {
    std::cout << "duet: " << make_service_certificate(options.data_dir, options.service_certificate)
              << std::endl;
    return EXIT_SUCCESS;
  }
  return options.detach ? detach(options) : run_in_foreground(options);
} catch (const std::exception& error) {
  return fail(error);
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) {
  return duet::run(argc, argv);
}
