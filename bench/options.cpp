#include "bench/options.h"

#include <CLI/CLI.hpp>
#include <string>

#include "bench/arrival.h"
#include "service/version.h"

namespace duet {
namespace {

constexpr auto kAbout =
    "Measures Duet under load, and a plain Mosquitto relay for comparison: latency at a fixed rate (open "
    "loop), "
    "then the greatest throughput (closed loop). bench/README.md tells how to read the result.";

struct Switches {
  int seconds = 10;
  int mqtt = 4;
  bool receipts = false;
  bool max_only = false;
  bool open_only = false;
  std::string on = "both";
};

void add_options(CLI::App& app, Options& options, Switches& switches) {
  app.add_option("--data", options.data,
                 "directory of a running platform; without it the bench starts its own");
  app.add_option("--scratch", options.scratch, "where the bench puts its own platform")
      ->check(CLI::ExistingDirectory);
  app.add_option("--pairs", options.pairs, "pairs of users, two connections each")
      ->check(CLI::Range(std::size_t{1}, kMaxPairs))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "open loop: messages/s, all pairs together")
      ->check(CLI::Range(0.1, 1'000'000.0))
      ->capture_default_str();
  app.add_option("--seconds", switches.seconds, "how long each measurement takes")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--window", options.window, "closed loop: messages each pair keeps on their way")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  app.add_option("--body-bytes", options.body_bytes, "size of a message body")
      ->check(CLI::Range(0, 32 * 1024))
      ->capture_default_str();
  app.add_flag("--receipts", switches.receipts, "recipients confirm every message");
  app.add_option("--mqtt", switches.mqtt, "protocol: 4 (MQTT 3.1.1) or 5")
      ->check(CLI::IsMember({4, 5}))
      ->capture_default_str();
  const auto max_only = app.add_flag("--max", switches.max_only, "only the closed loop");
  app.add_flag("--open", switches.open_only, "only the open loop")->excludes(max_only);
  app.add_option("--on", switches.on, "what is measured: duet, relay or both")
      ->check(CLI::IsMember({"duet", "relay", "both"}))
      ->capture_default_str();
  app.add_flag("!--no-push", options.push, "the platform that the bench starts has no push bridge");
  app.add_flag("--json", options.json, "print the result as one JSON object");
}

void apply(const Switches& switches, Options& options) {
  options.duration = std::chrono::seconds(switches.seconds);
  options.mqtt = switches.mqtt == 5 ? MqttVersion::v5 : MqttVersion::v3_1_1;
  options.receipts = switches.receipts ? Receipts::yes : Receipts::no;
  options.open_loop = !switches.max_only;
  options.closed_loop = !switches.open_only;
  options.duet = switches.on != "relay";
  options.relay = switches.on != "duet";
}

void add_common(CLI::App& app, std::filesystem::path& scratch, bool& as_json) {
  app.add_option("--scratch", scratch, "where the bench puts its own platform")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--json", as_json, "print the result as one JSON object");
}

template <typename Duration>
void add_seconds(CLI::App& app, const std::string& name, Duration& duration, const std::string& help) {
  app.add_option_function<int>(
         name, [&duration](int seconds) { duration = std::chrono::seconds(seconds); }, help)
      ->check(CLI::Range(1, 600))
      ->default_str(std::to_string(duration.count()));
}

CLI::App* add_idle(CLI::App& app, IdleOptions& options) {
  auto* const idle =
      app.add_subcommand("idle-websockets", "latency on TCP, without and with many idle WebSockets");
  add_common(*idle, options.scratch, options.json);
  idle->add_option("--clients", options.clients, "WebSockets")
      ->check(CLI::Range(2, 100'000))
      ->capture_default_str();
  idle->add_option("--pairs", options.pairs, "pairs of users on TCP")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  idle->add_option("--rate", options.rate, "messages/s, all pairs together; a user may send 20")
      ->check(CLI::Range(0.1, 100'000.0))
      ->capture_default_str();
  idle->add_option("--rounds", options.rounds, "phases without and with them")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  idle->add_option("--keep-alive", options.keep_alive_s, "seconds between two PINGREQ of a WebSocket")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();
  add_seconds(*idle, "--seconds", options.phase, "how long each phase takes");
  add_seconds(*idle, "--settle", options.settle, "how long all are left alone before a phase");
  return idle;
}

CLI::App* add_reconnect(CLI::App& app, ReconnectOptions& options) {
  auto* const reconnect =
      app.add_subcommand("reconnect", "the broker is killed, and everybody comes back at once");
  add_common(*reconnect, options.scratch, options.json);
  reconnect->add_option("--clients", options.clients, "devices")
      ->check(CLI::Range(2, 100'000))
      ->capture_default_str();
  reconnect->add_flag("--websocket", options.websocket, "they come by the gateway");
  reconnect->add_option("--rate", options.rate, "messages/s, all pairs together")
      ->check(CLI::Range(0.1, 100'000.0))
      ->capture_default_str();
  add_seconds(*reconnect, "--seconds", options.calm, "how long they write before, and after all are back");
  add_seconds(*reconnect, "--patience", options.patience, "how long they may take to come back");
  return reconnect;
}

}  // namespace

std::optional<Command> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  IdleOptions idle;
  ReconnectOptions reconnect;
  options.scratch = idle.scratch = reconnect.scratch = std::filesystem::temp_directory_path();
  Switches switches;
  CLI::App app(kAbout, "duet-bench");
  app.set_version_flag("--version", version_text("duet-bench"), "Print the version");
  add_options(app, options, switches);
  const auto* const idle_command = add_idle(app, idle);
  const auto* const reconnect_command = add_reconnect(app, reconnect);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  if (idle_command->parsed()) return idle;
  if (reconnect_command->parsed()) return reconnect;
  apply(switches, options);
  return options;
}

}  // namespace duet
