#include "privacy_kit/options.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "service/version.h"

namespace duet::privacy {
namespace {

constexpr int kCannotRun = 2;

const std::vector<std::string> kParts{"request", "connect", "subscribe",  "publish", "will",
                                      "block",   "expiry",  "revocation", "account", "retained"};

// Addresses that were not given stand in ready.json.
void fill_in(Options& options) {
  if (options.data.empty()) return;
  std::ifstream file(options.data / "ready.json");
  const auto ready = nlohmann::json::parse(file, nullptr, false);
  if (!ready.is_object()) return;
  const auto text = [&](const char* name) {
    const auto found = ready.find(name);
    return found != ready.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (options.url.empty()) options.url = text("mqtt");
  if (options.auth_url.empty()) options.auth_url = text("http");
}

int wrong(const std::string& what) {
  std::cerr << "privacy-kit: " << what << '\n';
  return kCannotRun;
}

}  // namespace

std::variant<Options, int> parse_command_line(int argc, const char* const* argv) {
  Options options;
  CLI::App app(
      "Tries everything that nobody may do on a live Duet, as every kind of principal, and reports what is "
      "not\n"
      "refused, or reaches somebody else. Makes throw-away accounts and touches nobody's data. Everything it "
      "tries\n"
      "is made from the access table (docs/access.md). Exit status: 0 no leak; 1 a leak, or something that "
      "must\n"
      "work does not; 2 it could not be run.",
      "privacy-kit");
  app.set_version_flag("--version", version_text("duet-privacy-kit"), "Print the version");
  app.add_option("--url", options.url, "The server, mqtt://host:port")->type_name("URL");
  app.add_option("--auth-url", options.auth_url, "Its account service, http://host:port")->type_name("URL");
  app.add_option("--app", options.app, "The OAuth 2.0 client to sign in with")->capture_default_str();
  app.add_option(
         "--data", options.data,
         "The data directory of the platform, if it is on this machine: finds the addresses, and has the\n"
         "key for expired, forged and service tokens, which are not checked without it")
      ->type_name("DIR");
  app.add_option("--rate", options.per_second, "Actions in a second; 0: no limit")->capture_default_str();
  app.add_option("--mqtt", options.mqtt, "The version of MQTT to speak")
      ->check(CLI::IsMember({"5", "3.1.1"}))
      ->capture_default_str();
  app.add_option("--patience", options.patience_s, "Seconds that any one answer may take")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--part", options.parts, "This part only; may be repeated")->check(CLI::IsMember(kParts));
  app.add_option("--json", options.json, "Write the report to this file too")->type_name("FILE");
  app.add_flag("--quiet", options.quiet, "The report alone, no progress");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kCannotRun;
  }
  fill_in(options);
  if (options.url.empty()) return wrong("where is the server? --url, or --data of a platform that runs");
  if (options.data.empty() && options.auth_url.empty()) {
    return wrong("who may sign tokens? --auth-url, or --data of a platform on this machine");
  }
  return options;
}

}  // namespace duet::privacy
