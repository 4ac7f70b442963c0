// tests/support/chatter.h: a device under load: it keeps sending to its peer, through everything that
// happens.
//
// A small client of the contract: outbox, reconnect, sync, resend. It records what it saw for
// tests/support/history_checker.h.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "tests/support/history_checker.h"
#include "tests/support/test_client.h"

namespace duet {

class TestPlatform;

struct ChatterSpec {
  std::string user;
  std::string peer;
  std::string device = "load";
  MqttVersion version = MqttVersion::v5;
  std::chrono::microseconds interval{40'000};  // between two messages
};

// Runs in a thread of its own from construction to destruction. The other functions may be called from any.
class Chatter {
 public:
  Chatter(const TestPlatform& platform, ChatterSpec spec);
  ~Chatter();
  Chatter(const Chatter&) = delete;
  Chatter& operator=(const Chatter&) = delete;

  const std::string& user() const { return spec_.user; }
  const std::string& peer() const { return spec_.peer; }

  // Messages of its own that it knows to be stored (`sent` has come).
  std::size_t confirmed() const;
  // How often it had to connect.
  std::size_t connections() const;
  // Ends the load; the connection stays. Returns whether all that was published is confirmed.
  bool finish();
  // The highest seq it has seen, and whether it has seen all up to there and up to `at_least`.
  Seq highest_seen() const;
  bool seen_all(Seq at_least) const;
  // Asks for one more sync, and waits until it is done.
  void sync_again();

  DeviceRecord record() const;
  // What it was told that nobody should be told: error events, refused publishes.
  std::vector<std::string> complaints() const;

 private:
  void run(const std::stop_token& stop);
  bool connect();
  bool sync();
  bool resend();
  void publish_next();
  bool publish(std::size_t index);
  void settle_pubacks();
  void take(const Received& received);
  void take_error(const Received& received);
  void take_envelope(const nlohmann::json& json, std::vector<Envelope>& into);
  void complain(const std::string& what);
  void wait(const std::stop_token& stop, std::chrono::steady_clock::time_point until);

  const TestPlatform& platform_;
  const ChatterSpec spec_;

  // Owned by the thread.
  std::unique_ptr<TestClient> mqtt_;
  std::deque<std::pair<int, std::size_t>> unacknowledged_;  // token of this connection, index in published
  std::string cursor_;
  std::size_t questions_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  // Guarded by mutex_.
  DeviceRecord record_;
  std::set<std::string> confirmed_;
  std::set<Seq> seen_;
  std::vector<std::string> complaints_;
  std::size_t connections_ = 0;
  bool publishing_ = true;
  bool sync_wanted_ = false;

  std::jthread thread_;
};

}  // namespace duet
