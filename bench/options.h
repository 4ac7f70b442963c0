// bench/options.h: the command line of duet-bench.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <variant>

#include "bench/idle_websockets.h"
#include "bench/load.h"
#include "bench/reconnect.h"
#include "mqtt_codec/mqtt_codec.h"

namespace duet {

struct Options {
  std::optional<std::filesystem::path> data;  // of a running platform; none: start one
  std::filesystem::path scratch;              // the parent of everything the bench writes

  std::size_t pairs = 500;
  double rate = 500;  // messages/s of the open loop, all pairs together
  std::chrono::seconds duration{10};
  std::size_t window = 4;  // messages of a pair on their way, closed loop
  std::size_t body_bytes = 100;
  Receipts receipts = Receipts::no;
  MqttVersion mqtt = MqttVersion::v3_1_1;

  bool open_loop = true;
  bool closed_loop = true;
  bool duet = true;
  bool relay = true;
  bool push = true;  // the platform that is started has a push bridge
  bool json = false;
};

using Command = std::variant<Options, IdleOptions, ReconnectOptions>;

// nullopt: help or the version was asked for, or the command line is wrong; all is said, exit with
// `exit_code`.
std::optional<Command> parse_options(int argc, char** argv, int& exit_code);

}  // namespace duet
