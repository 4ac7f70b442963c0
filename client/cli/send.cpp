// duet send: one message, and the wait for its `sent`.

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <mutex>

#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/output.h"
#include "client/cli/render.h"
#include "client/cli/waiter.h"

namespace duet {
namespace {

std::string message_text(const CliOptions& options) {
  if (options.text != "-") return options.text;
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

std::string refusal_text(const Refusal& refusal) {
  return std::string(to_string(refusal.code)) + ": " + clean(refusal.message);
}

class Send {
 public:
  explicit Send(const CliOptions& options)
      : options_(options), render_(options.as.value(), options.json), notes_(output_) {}

  int run() {
    const std::string text = message_text(options_);
    const auto client = open_client(options_, false, handlers());
    if (!put(*client, text)) return EXIT_FAILURE;
    client->start();
    const auto deadline = std::chrono::steady_clock::now() + options_.timeout.value_or(kDefaultTimeout);
    if (waiter_.wait(deadline) == Waiter::Event::finished) return waiter_.status().value_or(EXIT_FAILURE);
    output_.note("not sent yet; it stays in the outbox and goes with the next command of this device");
    return EXIT_FAILURE;
  }

 private:
  ClientHandlers handlers() {
    ClientHandlers handlers;
    handlers.on_sent = [this](const Envelope& envelope) {
      if (!is_ours(envelope.id)) return;
      output_.line(render_.stored(envelope));
      waiter_.finish(EXIT_SUCCESS);
    };
    handlers.on_refused = [this](const MessageId& id, const Refusal& refusal) {
      const bool ours = is_ours(id);
      output_.note((ours ? "the message" : "the earlier message " + id.str()) +
                   " was refused: " + refusal_text(refusal));
      if (ours) waiter_.finish(EXIT_FAILURE);
    };
    handlers.on_failed = [this](const std::string& why) {
      output_.note(why);
      waiter_.finish(EXIT_FAILURE);
    };
    handlers.on_state = [this](const std::string& state) {
      notes_.on_state(state);
      if (refused_for_good(state)) waiter_.finish(EXIT_FAILURE);
    };
    return handlers;
  }

  // Into the outbox. Before the client starts, so that its id is known when `sent` comes.
  bool put(Client& client, const std::string& text) {
    const auto type = options_.type.empty() ? std::string(kDefaultMessageType) : options_.type;
    const auto id = client.send(options_.peer.value(), text, type, options_.id);
    if (!id) {
      output_.note("the message was refused: " + refusal_text(id.error()));
      return false;
    }
    id_ = *id;
    return true;
  }

  bool is_ours(const MessageId& id) const { return id_ == id; }

  Waiter waiter_;
  const CliOptions& options_;
  PlainOutput output_;
  const Renderer render_;
  StateNotes notes_;
  std::optional<MessageId> id_;
};

}  // namespace

int run_send(const CliOptions& options) {
  return Send(options).run();
}

}  // namespace duet
