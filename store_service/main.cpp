// duet-store: gives every message its place, keeps it, and answers for it. Start reading at writer.h.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "mqtt_link/log.h"
#include "store_service/config.h"
#include "store_service/counters.h"
#include "store_service/housekeeping.h"
#include "store_service/presence_worker.h"
#include "store_service/ready_file.h"
#include "store_service/request_workers.h"
#include "store_service/sqlite/sqlite_store.h"
#include "store_service/stop_signal.h"
#include "store_service/subscriber.h"
#include "store_service/writer.h"

namespace duet {
namespace {

int serve(const Config& config) {
  StopSignal stop;  // before any thread
  start_log("store", config.log_level);
  const auto database = open_sqlite(config.database.path);
  Counters counters;
  ReadyFile ready(config.ready_file);

  // First where things wait, then the connection that fills it, then the workers that empty it.
  WriteQueue writes;
  PresenceQueue presence_events(kMaxPresenceEvents);
  RequestQueue requests(kMaxRequests);
  Subscriber subscriber(config, {writes, presence_events, requests}, ready);
  const Writer writer(
      *database, writes, subscriber, {.limits = config.limits},
      {.on_ready = [&](std::uint64_t session) { ready.open(session); }, .on_broken = [&] { stop.fail(); }},
      counters);
  const PresenceWorker presence(*database, presence_events, writes, subscriber,
                                {config.presence.debounce, config.devices_per_user});
  const RequestWorkers readers(*database, {requests, writes, presence_events, subscriber}, config.limits,
                               counters);
  const Housekeeping housekeeping(config.broker.token_file, subscriber, counters);
  subscriber.start();

  const auto cause = stop.wait();
  spdlog::info("stopping");
  return cause == StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}  // bottom-up: the workers finish what they have in hand while the connection lives

}  // namespace
}  // namespace duet

int main(int argc, char** argv) try {
  CLI::App app("duet-store: the message store of Duet");
  std::string config_file;
  app.add_option("--config", config_file, "the configuration, a TOML file")->required();
  CLI11_PARSE(app, argc, argv);
  return duet::serve(duet::load_config(config_file));
} catch (const std::exception& error) {
  std::cerr << "duet-store: " << error.what() << '\n';
  return EXIT_FAILURE;
}
