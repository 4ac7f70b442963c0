// supervisor/options.h: the command line of `duet-run`, which is the command line of scripts/run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>

namespace duet {

struct Ports {
  std::uint16_t mqtt = 1883;
  std::uint16_t websocket = 8083;
  std::uint16_t http = 8080;  // kept free for the front door; nothing listens there yet
};

struct Options {
  std::filesystem::path data_dir = "var";
  Ports ports;
  std::optional<std::filesystem::path> config_file;
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
