// store_service/housekeeping.h: what is done by the clock: the token's renewal and the counters' log line.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <thread>

#include "store_service/counters.h"
#include "store_service/publisher.h"

namespace duet {

// Watches a token file that somebody else replaces, and hands each new token to the broker, so that the live
// connection goes on. One thread owns it.
class TokenRotation {
 public:
  // What the file holds now is the token that the connection began with.
  explicit TokenRotation(std::filesystem::path file);

  // Publishes the file's token if it is a new one. A token that finds no connection is tried again, a file
  // that cannot be read is logged once.
  void check(Publisher& publisher);

 private:
  const std::filesystem::path file_;
  std::string published_;
  std::string last_error_;
};

// Publisher and counters outlive it.
class Housekeeping {
 public:
  Housekeeping(std::filesystem::path token_file, Publisher& publisher, const Counters& counters);
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  void run(const std::stop_token& stop);
  void log_counters() const;

  TokenRotation token_;  // the thread's
  Publisher& publisher_;
  const Counters& counters_;
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
