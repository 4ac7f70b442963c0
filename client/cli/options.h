// client/cli/options.h: the command line of `duet`.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/names.h"

namespace duet {

enum class Command : std::uint8_t {
  token,
  send,
  listen,
  chat,
  history,
  conversations,
  presence,
  accept,
  block,
  unblock,
  mute,
  unmute,
  devices,
  push,
  probe,
};

// The users of `duet probe`. Sign-up refuses names that begin like these.
inline constexpr std::string_view kProbeSender = "duet-probe-a";
inline constexpr std::string_view kProbeReceiver = "duet-probe-b";

// How long a command waits for an answer unless told otherwise.
constexpr std::chrono::seconds kDefaultTimeout{30};

struct CliOptions {
  Command command{};

  // Where the platform is: a data directory of this machine, or else `url` and `token_file`.
  std::filesystem::path data = "var";
  std::string url;
  std::filesystem::path token_file;
  std::filesystem::path peer_token_file;  // of probe: the receiver's
  std::filesystem::path ca_file;          // of probe, for mqtts://; empty: the system's authorities
  std::filesystem::path state;            // empty: in the data directory

  std::optional<UserId> as;  // set, but for `token`, where it is `peer`, and for `probe`
  std::optional<DeviceId> device;
  bool json = false;
  std::optional<std::chrono::seconds> timeout;

  std::optional<UserId> peer;  // of send, chat, history, presence, accept, block, unblock,
                               // mute, unmute; the user of token
  std::string text;            // of send: the message; of push: the file; "-": standard input
  bool remove = false;         // of push
  std::optional<MessageId> id;
  std::string type;
  std::optional<std::uint64_t> count;
  bool receipts = true;
  std::optional<std::uint64_t> limit;
  std::optional<Seq> before;
  std::optional<Seq> after;
  std::optional<std::chrono::seconds> mute_for;  // of mute; none: until it is taken back
  std::chrono::seconds token_life{900};
};

// What to do, or the exit status when there is nothing to do: help was asked for, or the command line is
// wrong. The help or what is wrong has been printed then.
std::variant<CliOptions, int> parse_command_line(int argc, const char* const* argv);

}  // namespace duet
