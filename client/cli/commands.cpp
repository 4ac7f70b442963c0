#include "client/cli/commands.h"

#include <cstdlib>

#include "client/cli/account.h"
#include "client/cli/output.h"
#include "client/cli/refused_token.h"
#include "client/cli/render.h"
#include "client/cli/waiter.h"

namespace duet {
namespace {

std::chrono::steady_clock::time_point deadline_of(const CliOptions& options) {
  return std::chrono::steady_clock::now() + options.timeout.value_or(kDefaultTimeout);
}

void end_failed(const std::string& why, Output& output, Waiter& waiter) {
  output.note(why);
  waiter.finish(EXIT_FAILURE);
}

}  // namespace

int run_token(const CliOptions& options) {
  PlainOutput output;
  output.line(sign_token(options.data, options.peer.value(), options.device, options.token_life));
  return EXIT_SUCCESS;
}

int run_listen(const CliOptions& options) {
  Waiter waiter;
  PlainOutput output;
  const Renderer render(options.as.value(), options.json);
  StateNotes notes(output);
  std::uint64_t printed = 0;  // the client's thread's, until it is gone
  Client* following = nullptr;

  ClientHandlers handlers;
  handlers.on_message = [&](const Envelope& envelope) {
    output.line(render.message(envelope, "msg"));
    if (++printed != options.count) return;
    following->stop_following();
    waiter.finish(EXIT_SUCCESS);
  };
  handlers.on_sent = [&](const Envelope& envelope) { output.line(render.message(envelope, "sent")); };
  handlers.on_receipt = [&](const UserId& peer, const Receipt& receipt) {
    output.line(render.receipt(peer, receipt));
  };
  handlers.on_presence = [&](const UserId& peer, const PeerPresence& presence) {
    output.line(render.presence(peer, presence));
  };
  handlers.on_typing = [&](const UserId& peer, bool typing) {
    if (options.json) output.line(render.typing(peer, typing));
  };
  handlers.on_failed = [&](const std::string& why) { end_failed(why, output, waiter); };
  handlers.on_state = [&](const std::string& state) { notes.on_state(state); };
  handlers.on_token_refused = end_for_want_of_a_token(options, output, waiter);

  auto client = open_client(options, true, handlers);
  following = client.get();
  client->start();
  const auto event = waiter.wait(options.timeout ? std::optional(deadline_of(options)) : std::nullopt);
  client.reset();
  if (event == Waiter::Event::timeout && options.count) {
    output.note("only " + std::to_string(printed) + " of " + std::to_string(*options.count) +
                " messages came");
    return EXIT_FAILURE;
  }
  return waiter.status().value_or(EXIT_SUCCESS);
}

int run_command(const CliOptions& options) {
  switch (options.command) {
    case Command::token:
      return run_token(options);
    case Command::send:
      return run_send(options);
    case Command::listen:
      return run_listen(options);
    case Command::chat:
      return run_chat(options);
    case Command::push:
      return run_push(options);
    case Command::probe:
      return run_probe(options);
    case Command::history:
    case Command::conversations:
    case Command::presence:
    case Command::accept:
    case Command::block:
    case Command::unblock:
    case Command::mute:
    case Command::unmute:
    case Command::devices:
      return run_ask(options);
  }
  return EXIT_FAILURE;
}

}  // namespace duet
