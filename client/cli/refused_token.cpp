#include "client/cli/refused_token.h"

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "file_io/secret_file.h"

namespace duet {

// Attempts are at most some seconds apart: a longer pause was a connection.
bool RefusedToken::refused(const std::string& token, Time now) {
  if (token != token_ || now - last_ > kPatience) {
    token_ = token;
    since_ = now;
  }
  last_ = now;
  return now - since_ >= kPatience;
}

std::function<void(const std::string&)> end_for_want_of_a_token(const CliOptions& options, Output& output,
                                                                Waiter& waiter) {
  if (options.token_file.empty()) return {};
  return [file = options.token_file, &output, &waiter,
          refused = std::make_shared<RefusedToken>()](const std::string& why) {
    std::string token;
    try {
      token = read_secret_line(file);
    } catch (const std::runtime_error&) {
      return;  // the next attempt says so
    }
    if (!refused->refused(token, std::chrono::steady_clock::now())) return;
    output.note("the access token in " + file.string() + " is refused (" + why + "): log in again");
    waiter.finish(EXIT_FAILURE);
  };
}

}  // namespace duet
