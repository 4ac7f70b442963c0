// tests/fault/library_user.h: a user of our client library, for tests that end its connection.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"
#include "tests/support/process.h"
#include "tests/support/test_platform.h"

namespace duet {

// Connected from construction to destruction. The functions may be called from any thread.
class LibraryUser {
 public:
  LibraryUser(const TestPlatform& platform, const std::string& user, int mqtt_version,
              std::function<std::string()> token)
      : client_({.uri = "mqtt://127.0.0.1:" + std::to_string(platform.mqtt_port()),
                 .device = {UserId::parse(user).value(), DeviceId::parse("library").value()},
                 .token = std::move(token),
                 .state_directory = directory_.path() / "state",
                 .mqtt_version = mqtt_version},
                handlers()) {
    client_.start();
  }

  Client& client() { return client_; }
  // How often it was connected and up to date, and how often its token was refused.
  int lives() const { return lives_; }
  int refusals() const { return refusals_; }
  bool has_received(const std::string& body) const {
    const std::lock_guard lock(mutex_);
    return std::find(bodies_.begin(), bodies_.end(), body) != bodies_.end();
  }
  std::vector<std::string> states() const {
    const std::lock_guard lock(mutex_);
    return states_;
  }

 private:
  ClientHandlers handlers() {
    ClientHandlers handlers;
    handlers.on_live = [this] { ++lives_; };
    handlers.on_message = [this](const Envelope& envelope) {
      const std::lock_guard lock(mutex_);
      bodies_.push_back(envelope.body);
    };
    handlers.on_state = [this](const std::string& state) {
      const std::lock_guard lock(mutex_);
      states_.push_back(state);
    };
    handlers.on_token_refused = [this](const std::string&) { ++refusals_; };
    return handlers;
  }

  TempDir directory_;
  std::atomic<int> lives_ = 0;
  std::atomic<int> refusals_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> bodies_;  // guarded by mutex_
  std::vector<std::string> states_;  // guarded by mutex_
  Client client_;                    // last: its handlers use the rest
};

}  // namespace duet
