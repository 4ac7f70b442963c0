// duet: chat from the command line.
#include <cstdlib>
#include <exception>
#include <iostream>

#include "client/cli/commands.h"
#include "file_io/core_dumps.h"

int main(int argc, char** argv) try {
  duet::forbid_core_dumps();
  const auto parsed = duet::parse_command_line(argc, argv);
  if (const auto* status = std::get_if<int>(&parsed)) return *status;
  return duet::run_command(std::get<duet::CliOptions>(parsed));
} catch (const std::exception& error) {
  std::cerr << "duet: " << error.what() << '\n';
  return EXIT_FAILURE;
}
