// duet-store: gives every message its place, keeps it, and answers for it. Start reading at writer.h.

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "file_io/core_dumps.h"
#include "mqtt_link/log.h"
#include "service/disk_patience.h"
#include "service/health.h"
#include "service/health_server.h"
#include "service/ready_file.h"
#include "service/stop_signal.h"
#include "service/version.h"
#include "store_service/config.h"
#include "store_service/counters.h"
#include "store_service/housekeeping.h"
#include "store_service/maintenance.h"
#include "store_service/presence_worker.h"
#include "store_service/push_feed.h"
#include "store_service/request_workers.h"
#include "store_service/sqlite/sqlite_store.h"
#include "store_service/subscriber.h"
#include "store_service/writer.h"

namespace duet {
namespace {

// Without the option nobody's consent is waited for, also not from the time when it was on.
void accept_all_requests(Database& database) {
  constexpr std::size_t kAtOnce = 1000;
  std::size_t total = 0;
  for (std::size_t count = kAtOnce; count == kAtOnce; total += count) {
    const auto transaction = database.begin();
    count = transaction->accept_any(kAtOnce);
    transaction->commit();
  }
  if (total > 0) spdlog::info("consent is not required any more: accepted {} requests", total);
}

// What keeps a store that is connected from its work, apart from what its parts say themselves.
void add_checks(Health& health, const Config& config, const WriteQueue& writes,
                const RequestQueue& requests) {
  health.add_check(
      [directory = config.database.path.parent_path().string()](auto) { return disk_trouble(directory); });
  health.add_check([&](auto) -> std::optional<std::string> {
    if (writes.jobs() >= WriteQueue::kMaxJobs) return "the queue of writes is full";
    if (requests.full()) return "the queue of requests is full";
    return std::nullopt;
  });
}

int serve(const Config& config) {
  StopSignal stop;  // before any thread
  start_log("store", config.log_level);
  std::unique_ptr<Database> database;
  DiskPatience patience(stop, config.database.path.parent_path());
  const auto open = [&] {
    database.reset();
    database = open_sqlite(config.database.path, with_caches_of(config.database.cache_mib));
    if (!config.strangers.require_consent) accept_all_requests(*database);
  };
  if (!patience.attempt(open)) return EXIT_SUCCESS;
  Counters counters;
  ReadyFile ready(config.ready_file);
  Health health;
  auto& broker = health.add_state("not connected to the broker yet");
  auto& commits = health.add_state();
  auto& turns = health.add_loop("the writer");

  // First where things wait, then the connection that fills it, then the workers that empty it.
  WriteQueue writes;
  PresenceQueue presence_events(kMaxPresenceEvents);
  RequestQueue requests(kMaxRequests);
  PushAsks push_asks;
  RegisteredUsers push_users;
  Subscriber subscriber(config, {writes, presence_events, requests, push_asks, push_users}, ready, broker);
  const Writer writer(*database, writes, subscriber, {.limits = config.limits, .strangers = config.strangers},
                      {.on_ready =
                           [&](std::uint64_t session) {
                             broker.good();
                             ready.open(session);
                           },
                       .on_broken = [&] { stop.fail(); },
                       .on_committed = [&] { push_asks.committed(); },
                       .push_confirmed = [&] { return push_asks.confirmed(); },
                       .on_turn = [&] { turns.turned(); },
                       .on_attempt =
                           [&](const std::string& failed) {
                             if (failed.empty()) return commits.good();
                             commits.bad("the database failed: " + failed);
                           }},
                      counters);
  const PresenceWorker presence(*database, presence_events, writes, subscriber,
                                {config.presence.debounce, config.devices_per_user});
  const RequestWorkers readers(*database, {requests, writes, presence_events, subscriber}, config.limits,
                               counters);
  const PushFeed push_feed(*database, push_asks, push_users, subscriber);
  const Housekeeping housekeeping(config.broker.token_file, subscriber, counters);
  add_checks(health, config, writes, requests);
  health.add_check([&](auto) { return subscriber.trouble(); });
  const HealthServer health_server(config.health, [&health] { return health.report(); });
  subscriber.start();

  const auto cause = stop.wait();
  spdlog::info("stopping");
  return cause == StopSignal::Cause::asked ? EXIT_SUCCESS : EXIT_FAILURE;
}  // bottom-up: the workers finish what they have in hand while the connection lives

constexpr const char* kFooter =
    "Without a command: serve.\n"
    "Exit status: 0 done; 1 it failed, or verify found something broken; 2 wrong usage, or verify could not "
    "begin.\n";

// What was asked for.
struct Commands {
  std::string config_file;
  VerifyCommand verify;
  BackupCommand backup;
  RestoreCommand restore;
  std::function<int()> chosen;
};

void add_verify(CLI::App& app, Commands& commands) {
  auto* verify = app.add_subcommand(
      "verify",
      "Read a whole database, and journals, and name everything that breaks a law of theirs; also "
      "while the platform runs, and without changing anything");
  verify->add_option("--database", commands.verify.database, "The database")->required();
  verify->add_option("--journal", commands.verify.journals,
                     "A broker's journal, DIR/journal/0; may be repeated");
  verify->add_option("--max-lines", commands.verify.max_lines, "Print that many violations, count the others")
      ->capture_default_str();
  verify->add_flag("--names", commands.verify.names,
                   "Print the users of a conversation, not only its number");
  verify->callback([&commands] { commands.chosen = [&] { return run(commands.verify); }; });
}

void add_backup(CLI::App& app, Commands& commands) {
  auto* backup =
      app.add_subcommand("backup", "Copy a database as it is at one moment, also while the platform runs");
  backup->add_option("--database", commands.backup.database, "The database")->required();
  backup->add_option("--to", commands.backup.to, "The copy, which must not be there yet")->required();
  backup->callback([&commands] { commands.chosen = [&] { return run(commands.backup); }; });
}

void add_restore(CLI::App& app, Commands& commands) {
  auto* restore = app.add_subcommand(
      "restore",
      "Verify a backup and put a copy of it in the place of a database that no store has open; "
      "clients then synchronize anew");
  restore->add_option("--backup", commands.restore.backup, "The backup, which stays as it is")->required();
  restore->add_option("--database", commands.restore.database, "The database to make")->required();
  restore->add_flag("--replace", commands.restore.replace,
                    "A database that is there is kept under a new name; without this it is an error");
  restore->callback([&commands] { commands.chosen = [&] { return run(commands.restore); }; });
}

void add_commands(CLI::App& app, Commands& commands) {
  app.require_subcommand(0, 1);
  app.footer(kFooter);
  const char* config = "The configuration, a TOML file";
  app.add_option("--config", commands.config_file, config);
  auto* serve_command = app.add_subcommand("serve", "Run the store: the same as --config FILE alone");
  serve_command->add_option("--config", commands.config_file, config)->required();
  add_verify(app, commands);
  add_backup(app, commands);
  add_restore(app, commands);
}

int run_command(const Commands& commands) {
  return commands.chosen ? commands.chosen() : serve(load_config(commands.config_file));
}

}  // namespace
}  // namespace duet

int main(int argc, char** argv) try {
  duet::forbid_core_dumps();
  duet::Commands commands;
  CLI::App app("duet-store: the message store of Duet", "duet-store");
  app.set_version_flag("--version", duet::version_text("duet-store"), "Print the version");
  duet::add_commands(app, commands);
  try {
    app.parse(argc, argv);
    if (!commands.chosen && commands.config_file.empty()) throw CLI::RequiredError("--config or a command");
    if (commands.chosen && app.count("--config") > 0) throw CLI::ExcludesError("--config", "a command");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? duet::kExitDone : duet::kExitNotTried;  // --help is one of them
  }
  return duet::run_command(commands);
} catch (const std::exception& error) {
  std::cerr << "duet-store: " << error.what() << '\n';
  return duet::kExitFailed;
}
