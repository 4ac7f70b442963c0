// The commands that put one question to the store and print the answer.

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/output.h"
#include "client/cli/render.h"
#include "client/cli/waiter.h"
#include "protocol/json_codec.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::uint64_t kPage = 200;
constexpr std::uint64_t kDefaultLimit = 50;

// Puts questions and waits for the answers. Owned by the main thread.
class Questioner {
 public:
  explicit Questioner(CliOptions options) : options_(std::move(options)), notes_(output_) {
    if (!options_.timeout) options_.timeout = kDefaultTimeout;
    ClientHandlers handlers;
    handlers.on_state = [this](const std::string& state) {
      notes_.on_state(state);
      if (refused_for_good(state)) waiter_.finish(EXIT_FAILURE);
    };
    handlers.on_failed = [this](const std::string& why) {
      output_.note(why);
      waiter_.finish(EXIT_FAILURE);
    };
    client_ = open_client(options_, false, handlers);
    client_->start();
  }

  // The answer's `result`. Throws std::runtime_error when it is refused or does not come.
  json ask(const std::string& method, const RequestPayload& parameters) {
    client_->request(method, parameters, [this](Client::Answer answer) {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
      waiter_.wake();
    });
    while (true) {
      const auto event = waiter_.wait(std::nullopt);
      if (event == Waiter::Event::interrupted) throw std::runtime_error("interrupted");
      if (event == Waiter::Event::finished) throw std::runtime_error("no answer");
      const std::lock_guard lock(mutex_);
      if (!answer_) continue;
      const auto answer = *std::exchange(answer_, std::nullopt);
      if (answer) return *answer;
      throw std::runtime_error(std::string(to_string(answer.error().code)) + ": " +
                               clean(answer.error().message));
    }
  }

  Output& output() { return output_; }

 private:
  Waiter waiter_;
  PlainOutput output_;
  CliOptions options_;
  StateNotes notes_;
  std::mutex mutex_;
  std::optional<Client::Answer> answer_;  // guarded by mutex_
  std::unique_ptr<Client> client_;
};

std::vector<json> list_of(const json& result, const char* name) {
  const auto found = result.find(name);
  return found != result.end() && found->is_array() ? found->get<std::vector<json>>() : std::vector<json>{};
}

bool more(const json& result) {
  return result.value("more", false);
}

// Backwards from `before` (or the end) or onwards from `after`, page by page.
std::vector<Envelope> load_history(Questioner& questioner, const CliOptions& options) {
  std::vector<Envelope> messages;
  RequestPayload parameters;
  parameters.with = options.peer;
  parameters.before_seq = options.before;
  parameters.after = options.after;
  const auto limit = options.limit.value_or(kDefaultLimit);
  while (messages.size() < limit) {
    parameters.limit = std::min(kPage, limit - messages.size());
    const json page = questioner.ask("history", parameters);
    std::vector<Envelope> of_page;
    for (const auto& message : list_of(page, "messages")) {
      if (auto envelope = envelope_from(message)) of_page.push_back(*std::move(envelope));
    }
    if (of_page.empty()) break;
    if (options.after) {
      parameters.after = of_page.back().seq;
    } else {
      parameters.before_seq = of_page.front().seq;
    }
    messages.insert(options.after ? messages.end() : messages.begin(), of_page.begin(), of_page.end());
    if (!more(page)) break;
  }
  return messages;
}

void print_history(Questioner& questioner, const CliOptions& options, const Renderer& render) {
  for (const auto& envelope : load_history(questioner, options)) {
    questioner.output().line(render.message(envelope, envelope.from == *options.as ? "sent" : "msg"));
  }
}

void print_conversations(Questioner& questioner, const CliOptions& options, const Renderer& render) {
  RequestPayload parameters;
  std::uint64_t left = options.limit.value_or(kDefaultLimit);
  while (left > 0) {
    parameters.limit = std::min(kPage, left);
    const json page = questioner.ask("conversations", parameters);
    const auto conversations = list_of(page, "conversations");
    for (const auto& conversation : conversations)
      questioner.output().line(render.conversation(conversation));
    left -= std::min<std::uint64_t>(left, conversations.size());
    const auto cursor = page.value("cursor", "");
    if (!more(page) || conversations.empty() || cursor.empty()) return;
    parameters.before_cursor = cursor;
  }
}

void print_presence(Questioner& questioner, const CliOptions& options, const Renderer& render) {
  RequestPayload parameters;
  parameters.with = options.peer;
  const auto presence = peer_presence_from(questioner.ask("presence", parameters));
  if (!presence) throw std::runtime_error("the store's answer is not of the contract");
  questioner.output().line(render.presence(*options.peer, *presence));
}

void accept(Questioner& questioner, const CliOptions& options) {
  RequestPayload parameters;
  parameters.with = options.peer;
  questioner.ask("accept", parameters);
  if (options.json) {
    questioner.output().line(dump(json{{"peer", options.peer->str()}, {"accepted", true}}));
  } else {
    questioner.output().line(options.peer->str() + " is accepted");
  }
}

void set_block(Questioner& questioner, const CliOptions& options) {
  RequestPayload parameters;
  parameters.with = options.peer;
  const bool block = options.command == Command::block;
  questioner.ask(block ? "block" : "unblock", parameters);
  if (options.json) {
    questioner.output().line(dump(json{{"peer", options.peer->str()}, {"blocked", block}}));
  } else {
    questioner.output().line(options.peer->str() + (block ? " is blocked" : " is not blocked"));
  }
}

void set_mute(Questioner& questioner, const CliOptions& options) {
  RequestPayload parameters;
  parameters.with = options.peer;
  const bool mute = options.command == Command::mute;
  if (options.mute_for) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    parameters.until = now + *options.mute_for;
  }
  questioner.ask(mute ? "mute" : "unmute", parameters);
  if (options.json) {
    questioner.output().line(dump(json{{"peer", options.peer->str()}, {"muted", mute}}));
  } else {
    questioner.output().line(options.peer->str() + (mute ? " is muted" : " is not muted"));
  }
}

void print_devices(Questioner& questioner, const Renderer& render) {
  for (const auto& device : list_of(questioner.ask("devices", {}), "devices")) {
    questioner.output().line(render.device(device));
  }
}

}  // namespace

int run_ask(const CliOptions& options) {
  Questioner questioner(options);
  const Renderer render(options.as.value(), options.json);
  switch (options.command) {
    case Command::history:
      print_history(questioner, options, render);
      break;
    case Command::conversations:
      print_conversations(questioner, options, render);
      break;
    case Command::presence:
      print_presence(questioner, options, render);
      break;
    case Command::accept:
      accept(questioner, options);
      break;
    case Command::devices:
      print_devices(questioner, render);
      break;
    case Command::mute:
    case Command::unmute:
      set_mute(questioner, options);
      break;
    default:
      set_block(questioner, options);
      break;
  }
  return EXIT_SUCCESS;
}

}  // namespace duet
