#include "supervisor/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>

#include "service/version.h"

namespace duet {
namespace {

struct Flags {
  bool no_demo = false;
  std::string config_file;
  std::string push_double;
};

void declare(CLI::App& app, Options& options, Flags& flags) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.set_help_flag("--help", "Print this text and exit");
  app.add_option("--data", options.data_dir, "Everything the platform keeps lives in this directory")
      ->type_name("DIR")
      ->capture_default_str();
  const auto port = [&app](const char* name, std::uint16_t& value, const char* text) {
    app.add_option(name, value, text)->type_name("N")->check(CLI::Range(1, 65535))->capture_default_str();
  };
  port("--mqtt-port", options.ports.mqtt, "MQTT over TCP");
  port("--ws-port", options.ports.websocket, "MQTT over WebSocket");
  port("--http-port", options.ports.http, "Accounts and tokens over HTTP");
  app.add_flag("--tls", options.tls, "Open the front door too: MQTT, WebSocket and accounts over TLS");
  port("--mqtts-port", options.ports.mqtts, "MQTT over TLS");
  port("--https-port", options.ports.https, "WebSocket, accounts and the web app over TLS");
  app.add_option("--service-certificate", options.service_certificate,
                 "Make a client certificate for a service on another machine, and exit")
      ->type_name("NAME");
  app.add_option("--config", flags.config_file, "Limits and other settings; see deploy/duet.toml")
      ->type_name("FILE");
  app.add_option("--push-double", flags.push_double,
                 "While no push services are configured: run this double of them, to see pushes happen")
      ->type_name("DIR");
  app.add_flag("--no-demo", flags.no_demo, "Do not play the conversation between alice and bob");
  app.add_flag("--detach", options.detach, "Return when clients can connect; the platform runs on");
  app.add_flag("--stop", options.stop, "Stop the platform that runs on DIR");
}

}  // namespace

std::variant<Options, ExitStatus> parse_options(int argc, const char* const* argv) {
  CLI::App app("Runs Duet on this machine: broker, store, gateway and accounts, supervised, on 127.0.0.1.",
               "scripts/run");
  Options options;
  Flags flags;
  app.set_version_flag("--version", version_text("duet-run"), "Print the version");
  declare(app, options, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return ExitStatus{EXIT_SUCCESS};
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << '\n';
    return ExitStatus{EXIT_SUCCESS};
  } catch (const CLI::ParseError& error) {
    std::cerr << "duet: " << error.what() << " (--help lists the options)\n";
    return ExitStatus{EXIT_FAILURE};
  }
  options.demo = !flags.no_demo;
  if (!flags.config_file.empty()) options.config_file = flags.config_file;
  if (!flags.push_double.empty()) options.push_double = std::filesystem::absolute(flags.push_double);
  return options;
}

}  // namespace duet
