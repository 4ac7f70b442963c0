// duet-push: wakes the devices that are not connected. Start reading at bridge.h.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <string>

#include "file_io/core_dumps.h"
#include "push_bridge/push_commands.h"
#include "push_bridge/push_serve.h"
#include "service/version.h"

namespace {

constexpr const char* kAbout =
    "The push bridge of Duet: wakes devices that are not connected, through FCM, APNs and Web Push.\n"
    "A push says that there is something to fetch: no text and no sender.";
constexpr const char* kFooter =
    "Without a command: serve.\n"
    "Examples:\n"
    "  duet-push check --config push.toml              is everything configured that is needed?\n"
    "  duet-push test --config push.toml --user bob    does a push arrive?\n"
    "  duet-push why --config push.toml MESSAGE-ID     why did bob get no push for it, or two?\n"
    "Exit status: 0 done; 1 it failed, or why knows nothing; 2 wrong usage.";
constexpr int kWrongUsage = 2;

struct Options {
  std::string config;
  duet::TestPushCommand test;
  duet::WhyCommand why;
  std::function<int()> chosen;
};

void add_commands(CLI::App& app, Options& options) {
  app.require_subcommand(0, 1);
  app.footer(kFooter);
  const char* config = "The configuration, a TOML file";
  app.add_option("--config", options.config, config);

  auto* serve = app.add_subcommand("serve", "Run the bridge: the same as --config FILE alone");
  serve->add_option("--config", options.config, config)->required();
  serve->callback([&options] { options.chosen = [&] { return duet::serve_push(options.config); }; });

  auto* check = app.add_subcommand("check", "Read the configuration and every key, and say what is wrong");
  check->add_option("--config", options.config, config)->required();
  check->callback([&options] { options.chosen = [&] { return duet::check_push(options.config); }; });

  auto* test = app.add_subcommand("test", "Send a test notification to a user's devices, and show each step");
  test->add_option("--config", options.test.config, config)->required();
  test->add_option("--user", options.test.user, "The user")->required();
  test->add_option("--device", options.test.device, "Only this device");
  test->callback([&options] { options.chosen = [&] { return duet::run(options.test); }; });

  auto* why =
      app.add_subcommand("why", "Tell what was decided about a message, when, why, and what came of it");
  why->add_option("--config", options.why.config, config)->required();
  why->add_option("message", options.why.message, "The message's id")->required();
  why->add_option("--user", options.why.user, "Only this recipient: ids are their senders' choice");
  why->callback([&options] { options.chosen = [&] { return duet::run(options.why); }; });
}

}  // namespace

int main(int argc, char** argv) try {
  duet::hide_memory();  // it holds the keys of push services
  Options options;
  CLI::App app(kAbout, "duet-push");
  app.set_version_flag("--version", duet::version_text("duet-push"), "Print the version");
  add_commands(app, options);
  try {
    app.parse(argc, argv);
    if (!options.chosen && options.config.empty()) throw CLI::RequiredError("--config or a command");
    if (options.chosen && app.count("--config") > 0) throw CLI::ExcludesError("--config", "a command");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kWrongUsage;  // --help is one of them
  }
  return options.chosen ? options.chosen() : duet::serve_push(options.config);
} catch (const std::exception& error) {
  std::cerr << "duet-push: " << error.what() << '\n';
  return EXIT_FAILURE;
}
