// supervisor/options.h: the command line of `duet-run`, which is the command line of scripts/run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace duet {

struct Ports {
  std::uint16_t mqtt = 1883;
  std::uint16_t websocket = 8083;
  std::uint16_t http = 8080;
  std::uint16_t mqtts = 8883;  // this and the next: with TLS alone
  std::uint16_t https = 8443;
};

struct Options {
  std::filesystem::path data_dir = "var";
  Ports ports;
  std::optional<std::filesystem::path> config_file;
  bool tls = false;  // with the front door
  // Where no push services are configured: the folder of their double (tests/support/push_double), which is
  // run instead; none: there is no push then.
  std::optional<std::filesystem::path> push_double;
  // Make a client certificate of this name for the services' listener, and nothing else; empty: run.
  std::string service_certificate;
  bool demo = true;
  bool detach = false;
  bool stop = false;
};

struct ExitStatus {
  int code;
};

// Returns the exit status when there is nothing to run: after --help (printed) and after a mistake (printed
// as one line).
std::variant<Options, ExitStatus> parse_options(int argc, const char* const* argv);

}  // namespace duet
