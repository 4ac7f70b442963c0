#include "client/cli/options.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "service/version.h"

namespace duet {
namespace {

constexpr std::int64_t kMaxSeconds = std::int64_t{10} * 366 * 24 * 3600;

// As CLI11 fills them in.
struct Texts {
  std::string as, device, peer, id;
  std::vector<std::string> text;
  std::int64_t timeout_s = 0, ttl_s = 900, mute_s = 0;
  std::uint64_t count = 0, limit = 0, before = 0, after = 0;
};

template <typename Name>
CLI::Validator name_check(const std::string& what) {
  return {[what](std::string& text) {
            return Name::valid(text) ? std::string() : "'" + text + "' is not a " + what;
          },
          ""};
}

class Parser {
 public:
  Parser() : app_("Chat through Duet from the command line.", "duet") {
    app_.fallthrough();  // the options below may stand after the command too
    app_.require_subcommand(1);
    app_.footer(
        "Examples:\n"
        "  duet --as alice send bob \"hello\"\n"
        "  duet chat bob --as alice\n"
        "  duet listen --as bob --json\n"
        "  duet COMMAND --help tells more about a command.");
    add_common_options();
    add_conversing_commands();
    add_asking_commands();
  }

  std::variant<CliOptions, int> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
      finish();
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;  // --help is one of them
    }
    return options_;
  }

 private:
  CLI::App* command(Command which, const std::string& name, const std::string& description) {
    auto* made = app_.add_subcommand(name, description);
    made->callback([this, which] { options_.command = which; });
    return made;
  }

  void add_common_options() {
    app_.set_version_flag("--version", version_text("duet"), "Print the version");
    auto* data = app_.add_option("--data", options_.data, "The data directory of a platform on this machine")
                     ->type_name("DIR")
                     ->default_str("./var");
    auto* url = app_.add_option("--url", options_.url, "The broker, mqtt://host:port or ws://host:port/mqtt")
                    ->type_name("URL")
                    ->excludes(data);
    app_.add_option("--token-file", options_.token_file,
                    "With --url: a file (mode 0600) with the access token")
        ->type_name("FILE")
        ->envname("DUET_TOKEN_FILE");
    app_.add_option("--state", options_.state,
                    "Where to keep what must not be forgotten, such as unsent messages")
        ->type_name("DIR")
        ->needs(url);
    app_.add_option("--as", texts_.as, "The user you are")
        ->type_name("USER")
        ->check(name_check<UserId>("user name"));
    app_.add_option("--device", texts_.device, "The device you are (cli; a free one if that is in use)")
        ->type_name("NAME")
        ->check(name_check<DeviceId>("device name"));
    app_.add_flag("--json", options_.json, "Print JSON, one object a line");
  }

  void add_conversing_commands() {
    auto* token = command(Command::token, "token", "Print an access token for a user");
    add_user(token, "user");
    token->add_option("--ttl", texts_.ttl_s, "Seconds until it expires")
        ->check(CLI::Range(std::int64_t{1}, kMaxSeconds))
        ->capture_default_str();

    auto* send = command(Command::send, "send", "Send a message and wait until it is stored");
    add_user(send, "peer");
    send->add_option("text", texts_.text, "The message; - takes standard input, every byte of it")
        ->required();
    send->add_option("--id", texts_.id, "The message id, for a message that may have been sent before")
        ->check(name_check<MessageId>("message id"));
    send->add_option("--type", options_.type, "Its media type")->default_str("text/plain");
    add_timeout(send, "Give up waiting after that many seconds (30); the message stays in the outbox");

    auto* listen = command(Command::listen, "listen", "Print what arrives: messages, receipts, presence");
    listen->add_option("--count", texts_.count, "End after that many messages")->check(CLI::PositiveNumber);
    listen->add_flag("!--no-receipts", options_.receipts,
                     "Do not tell the senders that their messages arrived");
    add_timeout(listen, "End after that many seconds");

    auto* chat = command(Command::chat, "chat", "Chat with a user; /quit or Ctrl-D ends it");
    add_user(chat, "peer");
  }

  void add_asking_commands() {
    auto* history = command(Command::history, "history", "Print the messages of a conversation");
    add_user(history, "peer");
    add_limit(history, "At most that many messages (50)");
    auto* before = history->add_option("--before", texts_.before, "Only messages before this number");
    history->add_option("--after", texts_.after, "Only messages after this number")->excludes(before);
    add_timeout(history, kAskTimeout);

    auto* conversations = command(Command::conversations, "conversations", "Print your conversations");
    add_limit(conversations, "At most that many, the newest first (50)");
    add_timeout(conversations, kAskTimeout);

    auto* presence = command(Command::presence, "presence", "Print whether a user is online");
    add_user(presence, "peer");
    add_timeout(presence, kAskTimeout);
    auto* accept = command(Command::accept, "accept", "Accept the messages of somebody who waits for it");
    add_user(accept, "peer");
    add_timeout(accept, kAskTimeout);
    auto* block = command(Command::block, "block", "Accept nothing more from a user");
    add_user(block, "peer");
    add_timeout(block, kAskTimeout);
    auto* unblock = command(Command::unblock, "unblock", "Accept a blocked user's messages again");
    add_user(unblock, "peer");
    add_timeout(unblock, kAskTimeout);
    auto* mute = command(Command::mute, "mute", "Get no pushes for a conversation; all is delivered as ever");
    add_user(mute, "peer");
    mute->add_option("--for", texts_.mute_s, "That many seconds; without this, until unmute")
        ->check(CLI::Range(std::int64_t{1}, kMaxSeconds));
    add_timeout(mute, kAskTimeout);
    auto* unmute = command(Command::unmute, "unmute", "Get pushes for a conversation again");
    add_user(unmute, "peer");
    add_timeout(unmute, kAskTimeout);
    auto* push = command(Command::push, "push", "Say how to reach this device while it is away");
    auto* file = push->add_option("file", options_.text,
                                  "A registration as JSON, as {\"platform\": \"fcm\", \"token\": …}; "
                                  "- takes standard input");
    auto* remove = push->add_flag("--remove", options_.remove, "No more pushes to this device");
    file->excludes(remove);
    add_timeout(push, kAskTimeout);
    auto* probe = command(Command::probe, "probe", "Check that messages pass, and say which step fails");
    probe->footer(
        "Sends one short message from the user duet-probe-a to duet-probe-b and reports each step with its\n"
        "time: connect, acknowledge (the broker has it), store (`sent`), deliver (to the receiver, live),\n"
        "history (read back), platform (what ready.json says of every process; with --data).\n"
        "Exit status 0: every step succeeded; 1: one failed, which is the last that is printed.\n"
        "Each probe leaves one message in the history of these two, some 60 bytes: once a minute is "
        "enough.\n"
        "With --data it makes its own tokens. From elsewhere it is given two:\n"
        "  duet probe --url mqtts://chat.example.com:8883 --token-file A --peer-token-file B");
    add_timeout(probe, "Give up after that many seconds (10)");
    probe->add_option("--to", texts_.peer, "The receiver, instead of duet-probe-b")
        ->type_name("USER")
        ->check(name_check<UserId>("user name"));
    probe
        ->add_option("--peer-token-file", options_.peer_token_file,
                     "With --url: a file (mode 0600) with the receiver's access token")
        ->type_name("FILE");
    probe->add_option("--ca-file", options_.ca_file, "With mqtts://: the authority to trust, PEM")
        ->type_name("FILE");
    auto* devices = command(Command::devices, "devices", "Print your devices");
    add_timeout(devices, kAskTimeout);
  }

  void add_user(CLI::App* to, const std::string& name) {
    to->add_option(name, texts_.peer, "A user")->required()->check(name_check<UserId>("user name"));
  }
  void add_limit(CLI::App* to, const std::string& description) {
    to->add_option("--limit", texts_.limit, description)->check(CLI::PositiveNumber);
  }
  void add_timeout(CLI::App* to, const std::string& description) {
    to->add_option("--timeout", texts_.timeout_s, description)
        ->type_name("SECONDS")
        ->check(CLI::Range(std::int64_t{1}, kMaxSeconds));
  }

  // What CLI11 cannot check by itself.
  void finish() {
    options_.as = UserId::parse(texts_.as);
    options_.device = DeviceId::parse(texts_.device);
    options_.peer = UserId::parse(texts_.peer);
    options_.id = MessageId::parse(texts_.id);
    for (const auto& word : texts_.text) options_.text += options_.text.empty() ? word : " " + word;
    if (texts_.timeout_s > 0) options_.timeout = std::chrono::seconds(texts_.timeout_s);
    if (texts_.count > 0) options_.count = texts_.count;
    if (texts_.limit > 0) options_.limit = texts_.limit;
    if (texts_.mute_s > 0) options_.mute_for = std::chrono::seconds(texts_.mute_s);
    options_.token_life = std::chrono::seconds(texts_.ttl_s);
    const auto* history = app_.get_subcommand("history");
    if (history->count("--before") > 0) options_.before = texts_.before;
    if (history->count("--after") > 0) options_.after = texts_.after;

    if (options_.command == Command::push && options_.text.empty() && !options_.remove) {
      throw CLI::RequiredError("a file, or --remove,");
    }
    const bool token = options_.command == Command::token;
    const bool probe = options_.command == Command::probe;
    if (!options_.as && !token && !probe) throw CLI::RequiredError("--as USER (who you are)");
    if (token && !options_.url.empty()) throw CLI::ValidationError("token", "is made in a data directory");
    if (options_.url.empty()) return;
    if (options_.token_file.empty())
      throw CLI::RequiredError("with --url, --token-file FILE or $DUET_TOKEN_FILE");
    if (probe) {
      if (options_.peer_token_file.empty()) throw CLI::RequiredError("with --url, --peer-token-file FILE");
      return;
    }
    if (options_.state.empty()) throw CLI::RequiredError("with --url, --state DIR");
  }

  static constexpr const char* kAskTimeout = "Give up after that many seconds (30)";

  CLI::App app_;
  CliOptions options_;
  Texts texts_;
};

}  // namespace

std::variant<CliOptions, int> parse_command_line(int argc, const char* const* argv) {
  return Parser().parse(argc, argv);
}

}  // namespace duet
