// duet chat: a conversation with one user, line by line.

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "client/cli/account.h"
#include "client/cli/commands.h"
#include "client/cli/refused_token.h"
#include "client/cli/render.h"
#include "client/cli/terminal.h"
#include "client/cli/waiter.h"
#include "protocol/json_codec.h"
#include "protocol/payload.h"

namespace duet {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::uint64_t kHistoryTail = 20;
constexpr std::uint64_t kMaxHistoryTail = 200;
constexpr std::chrono::seconds kTypingPause{5};      // after the last key, I have stopped typing
constexpr auto kTypingRepeated = kTypingExpiry / 2;  // as long as I type
constexpr std::chrono::seconds kGoodbye{30};         // for the outbox to get empty

// The main thread reads the lines; the client's thread prints what arrives.
class Chat {
 public:
  explicit Chat(const CliOptions& options)
      : peer_(options.peer.value()),
        me_(options.as.value()),
        render_(me_, options.json),
        terminal_(options.json),
        notes_(terminal_) {
    auto all = handlers();
    all.on_token_refused = end_for_want_of_a_token(options, terminal_, waiter_);
    client_ = open_client(options, true, all);
  }
  ~Chat() = default;
  Chat(const Chat&) = delete;
  Chat& operator=(const Chat&) = delete;

  int run() {
    if (terminal_.interactive()) {
      terminal_.line("Chat with " + peer_.str() + ". Enter sends the line, /quit or Ctrl-D ends.");
    }
    draw_prompt();
    client_->start();
    read_lines();
    set_typing(false);
    return drain_outbox();
  }

 private:
  ClientHandlers handlers();

  // The main thread.
  void read_lines();
  bool take_input(const Terminal::Input& input);
  void send(const std::string& text);
  void set_typing(bool typing);
  int drain_outbox();

  // The client's thread.
  void on_live();
  void on_history(const Client::Answer& answer);
  void on_envelope(const Envelope& envelope);
  void show(const Envelope& envelope);
  void on_typing(const UserId& peer, bool typing);

  // Both.
  void draw_prompt();

  const UserId peer_;
  const UserId me_;
  const Renderer render_;
  Waiter waiter_;
  Terminal terminal_;
  StateNotes notes_;

  // The main thread's.
  bool typing_ = false;
  SteadyTime typing_until_{};
  SteadyTime typing_again_at_{};

  // The client's thread's.
  bool live_ = false;
  bool history_shown_ = false;
  std::vector<Envelope> before_history_;
  Seq last_shown_ = 0;

  std::mutex mutex_;
  // Guarded by mutex_.
  bool peer_types_ = false;

  // Last, so that it ends before what its handlers use; they use the pointer too, which reset() would clear
  // first.
  std::unique_ptr<Client> client_;
};

ClientHandlers Chat::handlers() {
  ClientHandlers handlers;
  handlers.on_message = [this](const Envelope& envelope) { on_envelope(envelope); };
  handlers.on_sent = [this](const Envelope& envelope) {
    on_envelope(envelope);
    waiter_.wake();
  };
  handlers.on_receipt = [this](const UserId& peer, const Receipt& receipt) {
    if (history_shown_ && peer == peer_ && receipt.by == peer_)
      terminal_.line(render_.receipt(peer, receipt));
  };
  handlers.on_typing = [this](const UserId& peer, bool typing) { on_typing(peer, typing); };
  handlers.on_presence = [this](const UserId& peer, const PeerPresence& presence) {
    if (peer == peer_) terminal_.line(render_.presence(peer, presence));
  };
  handlers.on_refused = [this](const MessageId&, const Refusal& refusal) {
    terminal_.note("a message was refused: " + std::string(to_string(refusal.code)) + ": " +
                   clean(refusal.message));
    waiter_.wake();
  };
  handlers.on_live = [this] { on_live(); };
  handlers.on_failed = [this](const std::string& why) {
    terminal_.note(why);
    waiter_.finish(EXIT_FAILURE);
  };
  handlers.on_state = [this](const std::string& state) { notes_.on_state(state); };
  return handlers;
}

void Chat::read_lines() {
  while (true) {
    std::optional<SteadyTime> next;
    if (typing_) next = typing_until_;
    const auto event = waiter_.wait(next, STDIN_FILENO);
    if (event == Waiter::Event::finished || event == Waiter::Event::interrupted) return;
    if (event == Waiter::Event::input && !take_input(terminal_.read())) return;
    const auto now = std::chrono::steady_clock::now();
    if (typing_ && typing_until_ <= now) set_typing(false);
    draw_prompt();
  }
}

// Returns whether to go on.
bool Chat::take_input(const Terminal::Input& input) {
  for (const auto& line : input.lines) {
    if (line == "/quit") return false;
    if (line.starts_with("//")) {
      send(line.substr(1));
    } else if (line.starts_with('/')) {
      terminal_.note("/quit ends; a text that begins with / is typed with //");
    } else if (!line.empty()) {
      send(line);
    }
  }
  set_typing(input.typing);
  return !input.ended;
}

void Chat::send(const std::string& text) {
  set_typing(false);
  const auto id = client_->send(peer_, text);
  if (!id) terminal_.note("refused: " + id.error().message);
}

void Chat::set_typing(bool typing) {
  const auto now = std::chrono::steady_clock::now();
  if (typing) typing_until_ = now + kTypingPause;
  if (typing == typing_ && !(typing && typing_again_at_ <= now)) return;
  typing_ = typing;
  typing_again_at_ = now + kTypingRepeated;
  client_->set_typing(peer_, typing);
}

int Chat::drain_outbox() {
  const auto deadline = std::chrono::steady_clock::now() + kGoodbye;
  while (client_->outbox_size() > 0) {
    const auto event = waiter_.wait(deadline);
    if (event == Waiter::Event::woken) continue;
    terminal_.note(std::to_string(client_->outbox_size()) + " messages wait in the outbox for the next chat");
    return waiter_.status().value_or(EXIT_FAILURE);
  }
  return waiter_.status().value_or(EXIT_SUCCESS);
}

void Chat::on_live() {
  if (std::exchange(live_, true)) return;
  RequestPayload parameters;
  parameters.with = peer_;
  parameters.limit = std::clamp<std::uint64_t>(before_history_.size(), kHistoryTail, kMaxHistoryTail);
  client_->request("history", parameters, [this](const Client::Answer& answer) { on_history(answer); });
}

void Chat::on_history(const Client::Answer& answer) {
  history_shown_ = true;
  if (!answer) {
    terminal_.note("no history: " + clean(answer.error().message));
  } else if (const auto messages = answer->find("messages"); messages != answer->end()) {
    for (const auto& message : *messages) {
      if (const auto envelope = envelope_from(message)) show(*envelope);
    }
  }
  for (const auto& envelope : std::exchange(before_history_, {})) show(envelope);
}

void Chat::on_envelope(const Envelope& envelope) {
  const auto& other = envelope.from == me_ ? envelope.to : envelope.from;
  if (other != peer_) {
    terminal_.line(render_.message(envelope, envelope.from == me_ ? "sent" : "msg"));
  } else if (history_shown_) {
    show(envelope);
  } else {
    before_history_.push_back(envelope);
    // The history will have them: the last ones are enough.
    if (before_history_.size() > kMaxHistoryTail) before_history_.erase(before_history_.begin());
  }
}

void Chat::show(const Envelope& envelope) {
  if (envelope.seq <= last_shown_) return;
  last_shown_ = envelope.seq;
  const bool mine = envelope.from == me_;
  terminal_.line(render_.message(envelope, mine ? "sent" : "msg"));
  if (!mine) client_->mark_read(peer_, envelope.seq);
  draw_prompt();
}

void Chat::on_typing(const UserId& peer, bool typing) {
  if (peer != peer_) return;
  if (!terminal_.interactive()) return terminal_.line(render_.typing(peer, typing));
  {
    const std::lock_guard lock(mutex_);
    peer_types_ = typing;
  }
  draw_prompt();
  waiter_.wake();
}

void Chat::draw_prompt() {
  if (!terminal_.interactive()) return;
  std::string prompt;
  {
    const std::lock_guard lock(mutex_);
    if (peer_types_) prompt = "(" + peer_.str() + " is typing) ";
  }
  if (const auto waiting = client_->outbox_size(); waiting > 0) {
    prompt += "(" + std::to_string(waiting) + " waiting) ";
  }
  terminal_.set_prompt(prompt + me_.str() + "> ");
}

}  // namespace

int run_chat(const CliOptions& options) {
  return Chat(options).run();
}

}  // namespace duet
