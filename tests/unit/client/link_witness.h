// tests/unit/client/link_witness.h: what a link told.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "mqtt_link/link.h"
#include "tests/support/patience.h"

namespace duet {

// Writes down what the handlers of one link are told.
class Witness {
 public:
  LinkHandlers handlers() {
    return {.on_connected = [this] { note([this] { ++connected; }); },
            .on_message =
                [this](const LinkMessage& message) {
                  note([&] {
                    messages.emplace_back(message.payload);
                    correlations.emplace_back(message.correlation_data);
                  });
                },
            .on_state = [this](const std::string& state) { note([&] { states.push_back(state); }); },
            .on_refused = [this](const std::string& why) { note([&] { refusals.push_back(why); }); }};
  }
  std::function<void(bool)> done() {
    return [this](bool ok) { note([&] { ok ? ++acknowledged : ++failed; }); };
  }

  template <typename Condition>
  bool wait_until(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(*this); });
  }
  bool wait_connected(int times) {
    return wait_until([times](const Witness& w) { return w.connected >= times; });
  }

  // Read them in wait_until, or when no handler can run.
  int connected = 0;
  int acknowledged = 0;
  int failed = 0;
  std::vector<std::string> messages;
  std::vector<std::string> correlations;
  std::vector<std::string> states;
  std::vector<std::string> refusals;

 private:
  template <typename Body>
  void note(Body body) {
    const std::lock_guard lock(mutex_);
    body();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace duet
