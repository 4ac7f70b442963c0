// duet push: tells the platform how to reach this device while it is away.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/output.h"
#include "client/cli/render.h"
#include "client/cli/waiter.h"
#include "protocol/payload.h"

namespace duet {
namespace {

// A token is a secret of the device: it comes by a file or by standard input, never by the command line.
std::string registration_text(const CliOptions& options) {
  constexpr const char* kRemoval = R"({"platform":null})";
  if (options.remove) return kRemoval;
  std::ifstream file;
  if (options.text != "-") {
    file.open(options.text, std::ios::binary);
    if (!file) throw std::runtime_error(options.text + " cannot be read");
  }
  std::istream& in = options.text == "-" ? std::cin : file;
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (const auto parsed = parse_push(text, {}); !parsed) {
    throw std::runtime_error("not a registration (docs/protocol.md section 2): " + parsed.error().message);
  }
  return text;
}

}  // namespace

int run_push(const CliOptions& options) {
  Waiter waiter;
  PlainOutput output;
  StateNotes notes(output);
  const std::string registration = registration_text(options);
  ClientHandlers handlers;
  handlers.on_state = [&](const std::string& state) {
    notes.on_state(state);
    if (refused_for_good(state)) waiter.finish(EXIT_FAILURE);
  };
  handlers.on_error = [&](const ErrorEvent& error) {
    output.note(std::string(to_string(error.refusal.code)) + ": " + clean(error.refusal.message));
    if (error.refusal.code != ErrorCode::unavailable) waiter.finish(EXIT_FAILURE);
  };
  handlers.on_failed = [&](const std::string& why) {
    output.note(why);
    waiter.finish(EXIT_FAILURE);
  };
  const auto client = open_client(options, false, handlers);
  client->set_push(registration, [&] {
    output.note(options.remove ? "this device gets no more pushes" : "this device is registered for push");
    waiter.finish(EXIT_SUCCESS);
  });
  client->start();
  const auto deadline = std::chrono::steady_clock::now() + options.timeout.value_or(kDefaultTimeout);
  if (waiter.wait(deadline) == Waiter::Event::finished) return waiter.status().value_or(EXIT_FAILURE);
  output.note("nobody took it");
  return EXIT_FAILURE;
}

}  // namespace duet
