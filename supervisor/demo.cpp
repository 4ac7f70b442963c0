#include "supervisor/demo.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "file_io/file.h"
#include "file_io/secret_file.h"
#include "supervisor/client_process.h"
#include "supervisor/layout.h"
#include "supervisor/programs.h"
#include "supervisor/signals.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::seconds kPatience{20};

std::chrono::steady_clock::time_point deadline() {
  return std::chrono::steady_clock::now() + kPatience;
}

// The `duet` command of one of the two; `demo` is the device, so that nobody's own is in the way.
std::vector<std::string> command(const fs::path& data_dir, const std::string& user,
                                 const std::vector<std::string>& rest) {
  std::vector<std::string> words{client_program(), "--data", data_dir, "--as", user, "--device", "demo"};
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

std::uint64_t number(const json& event, const char* key) {
  const auto found = event.find(key);
  return found != event.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// Somebody chatting with `peer`, whose lines are typed here and whose events are read here.
class Chatter {
 public:
  Chatter(const fs::path& data_dir, std::string user, const std::string& peer)
      : user_(std::move(user)), process_(command(data_dir, user_, {"--json", "chat", peer})) {}

  const std::string& user() const { return user_; }
  void type(const std::string& line) const { process_.write_line(line); }

  // Throws when there is no event like that in time.
  json await(const std::string& what, const std::function<bool(const json&)>& is_it) {
    const auto until = deadline();
    while (const auto line = process_.read_line(until)) {
      auto event = json::parse(*line, nullptr, false);
      if (event.is_object() && is_it(event)) return event;
    }
    throw std::runtime_error(user_ + " did not see " + what);
  }

 private:
  std::string user_;
  ClientProcess process_;
};

// What a command says, line by line.
std::vector<std::string> output_of(const std::vector<std::string>& words) {
  ClientProcess process(words);
  std::vector<std::string> lines;
  const auto until = deadline();
  while (auto line = process.read_line(until)) lines.push_back(*std::move(line));
  return lines;
}

// The conversation's last seq, 0 before the first message.
std::uint64_t last_seq(const fs::path& data_dir) {
  ClientProcess history(command(data_dir, "alice", {"--json", "history", "bob", "--limit", "1"}));
  const auto line = history.read_line(deadline());
  return line ? number(json::parse(*line, nullptr, false), "seq") : 0;
}

// One message, from being typed to being read. `after`: the conversation's last seq so far. Returns its seq.
std::uint64_t play_message(Chatter& from, Chatter& to, const std::string& text, std::uint64_t after,
                           std::ostream& out) {
  out << "  " << from.user() << " to " << to.user() << ": " << text << std::endl;
  from.type(text);
  const auto sent = from.await("the message being stored", [&](const json& event) {
    return event.value("event", "") == "sent" && number(event, "seq") > after;
  });
  const auto seq = number(sent, "seq");
  out << "      sent       stored for good, as number " << seq << " of their conversation" << std::endl;
  to.await("the message", [&](const json& event) {
    return event.value("event", "") == "msg" && number(event, "seq") == seq;
  });
  const auto marked = [&](const char* mark) {
    return [&to, seq, mark](const json& event) {
      return event.value("event", "") == "receipt" && event.value("by", "") == to.user() &&
             number(event, mark) >= seq;
    };
  };
  const auto delivered = from.await("the receipt", marked("delivered"));
  out << "      delivered  to " << to.user() << std::endl;
  if (number(delivered, "read") < seq) from.await("the message being read", marked("read"));
  out << "      read       by " << to.user() << std::endl;
  return seq;
}

void play_conversation(const fs::path& data_dir, std::ostream& out) {
  // The platform refuses messages to a name that it has not seen. This request makes it see bob.
  output_of(command(data_dir, "bob", {"--json", "history", "alice", "--limit", "1"}));
  const auto before = last_seq(data_dir);
  Chatter bob(data_dir, "bob", "alice");
  Chatter alice(data_dir, "alice", "bob");
  const auto first = play_message(alice, bob, "Hi Bob! Dinner at eight?", before, out);
  play_message(bob, alice, "Gladly. I bring dessert!", first, out);
}

// Bob has gone, and his device is registered with a push service. `layout` has a push bridge.
void play_push(const Layout& layout, std::ostream& out) {
  const auto& data_dir = layout.root();
  out << "\n  Bob is away now, and has told the platform how to reach his phone." << std::endl;
  const fs::path registration = layout.run() / "demo-registration.json";
  write_file_atomically(registration, R"({"platform":"fcm","token":"a-token-of-bobs-phone"})", kSecretMode);
  output_of(command(data_dir, "bob", {"push", registration}));

  const std::string text = "Bring the cat, too!";
  out << "  alice to bob: " << text << std::endl;
  std::string id;
  for (const auto& line : output_of(command(data_dir, "alice", {"--json", "send", "bob", text}))) {
    const auto event = json::parse(line, nullptr, false);
    if (event.is_object()) id = event.value("id", id);
  }
  if (id.empty()) throw std::runtime_error("alice's message was not stored");

  const std::vector<std::string> why{push_program(), "why", "--config", layout.push_config(), id};
  const auto until = deadline();
  std::vector<std::string> lines;
  const auto pushed = [&] {
    return std::any_of(lines.begin(), lines.end(),
                       [](const auto& line) { return line.find(" sent: ") != std::string::npos; });
  };
  while (!pushed()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("bob's phone got no push");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    lines = output_of(why);
  }
  out << "      pushed     and this is why (duet-push why):\n";
  for (const auto& line : lines) out << "      " << line << '\n';
  out << std::endl;
}

void show_history(const fs::path& data_dir, std::ostream& out) {
  out << "\n  What the store has of it:\n";
  ClientProcess history(command(data_dir, "bob", {"history", "alice", "--limit", "2"}));
  const auto until = deadline();
  while (const auto line = history.read_line(until)) out << "      " << *line << '\n';
  out << std::endl;
}

void tell_how_to_chat(const fs::path& data_dir, std::ostream& out) {
  const fs::path here = fs::current_path();
  const fs::path wrapper = fs::path("scripts") / "duet";
  const std::string program = (fs::exists(here / wrapper) ? wrapper : client_program()).string();
  const std::string data = data_dir == here / "var" ? "" : " --data '" + data_dir.string() + "'";
  out << "Now chat yourself, in two more terminals:\n\n"
      << "  " << program << " chat bob --as alice" << data << "\n"
      << "  " << program << " chat alice --as bob" << data << "\n"
      << std::endl;
}

}  // namespace

bool play_demo(const fs::path& data_dir, std::ostream& out) {
  ::signal(SIGPIPE, SIG_IGN);  // a client that has ended is missed when it says nothing
  bool played = true;
  out << "\nA short conversation through the platform that now runs:\n" << std::endl;
  try {
    play_conversation(data_dir, out);
    show_history(data_dir, out);
    if (const Layout layout(data_dir); fs::exists(layout.push_config())) play_push(layout, out);
  } catch (const std::exception& error) {
    out << "  The demonstration ends here: " << error.what() << "\n" << std::endl;
    played = false;
  }
  tell_how_to_chat(data_dir, out);
  return played;
}

void DemoProcess::start(const fs::path& data_dir) {
  std::cout.flush();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid > 0) pid_ = pid;
  if (pid != 0) return;
  Signals::restore_defaults();
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(EXIT_FAILURE);
  const bool played = play_demo(data_dir, std::cout);
  if (played) std::cout << "Ctrl-C stops the platform." << std::endl;
  ::_exit(played ? EXIT_SUCCESS : EXIT_FAILURE);
}

void DemoProcess::stop() {
  if (!pid_) return;
  ::setpgid(*pid_, *pid_);  // it may not have come to that yet
  ::kill(-*pid_, SIGTERM);
  ::waitpid(*pid_, nullptr, 0);
  pid_.reset();
}

}  // namespace duet
