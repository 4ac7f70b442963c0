// client/cli/refused_token.h: when a command that follows gives up for want of a good access token.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/cli/waiter.h"

namespace duet {

// A token file may be replaced a moment after its token has ended, so one refusal is not the end. One thread
// owns it.
class RefusedToken {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // How long one and the same token is tried.
  static constexpr std::chrono::seconds kPatience{10};

  // The broker refused this token. Returns whether it has been refused for too long.
  bool refused(const std::string& token, Time now);

 private:
  std::string token_;
  Time since_;
  Time last_;
};

// For ClientHandlers::on_token_refused: ends the command, with a note, when the token of `options` has been
// refused for too long. A command in a data directory signs a fresh one for each attempt and goes on.
std::function<void(const std::string&)> end_for_want_of_a_token(const CliOptions& options, Output& output,
                                                                Waiter& waiter);

}  // namespace duet
