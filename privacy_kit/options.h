// privacy_kit/options.h: the command line of duet-privacy-kit.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <variant>

namespace duet::privacy {

struct Options {
  std::string url;              // of the MQTT server
  std::string auth_url;         // of the account service; empty: none
  std::string app = "duet";     // the OAuth 2.0 client to sign in with
  std::filesystem::path data;   // of a platform on this machine; empty: none
  unsigned per_second = 80;     // actions; 0: no limit
  std::string mqtt = "5";       // or 3.1.1
  int patience_s = 10;          // for any one answer
  std::set<std::string> parts;  // empty: all
  std::filesystem::path json;   // where to write the report too; empty: nowhere
  bool quiet = false;

  bool wants(const std::string& part) const { return parts.empty() || parts.contains(part); }
};

// What to do, or the exit status when there is nothing to do; what is wrong has been printed then.
std::variant<Options, int> parse_command_line(int argc, const char* const* argv);

}  // namespace duet::privacy
