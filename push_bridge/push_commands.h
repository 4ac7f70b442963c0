// push_bridge/push_commands.h: what an operator asks duet-push, beside a bridge that runs or not.
//
// They print on standard output, and throw std::runtime_error when they cannot begin.
#pragma once

#include <filesystem>
#include <string>

namespace duet {

// Loads the configuration with all its keys and says what it found.
int check_push(const std::filesystem::path& config_file);

// Sends a test notification to a user's devices, or to one, past the outbox, and prints each step. Returns 0
// if every push was accepted, 1 otherwise.
struct TestPushCommand {
  std::string config;
  std::string user;
  std::string device;  // empty: all
};
int run(const TestPushCommand& command);

// Prints what was decided about a message, when, why, and what came of it. Returns 1 if nothing is known.
struct WhyCommand {
  std::string config;
  std::string message;
  std::string user;  // the recipient; empty: any
};
int run(const WhyCommand& command);

}  // namespace duet
