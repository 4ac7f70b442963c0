// tests/support/chatter.h: a device under load: it keeps sending to its peer, through everything that
// happens.
//
// A small client of the contract: outbox, reconnect, sync, resend. It records what it saw for
// tests/support/history_checker.h.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "protocol/topic.h"
#include "tests/support/history_checker.h"
#include "tests/support/test_client.h"

namespace duet {

class TestPlatform;

// Where a device comes in: plain at the broker, or by TLS at the front door.
enum class Entrance : std::uint8_t { broker, door };

struct ChatterSpec {
  std::string user;
  std::string peer;
  std::string device = "load";
  MqttVersion version = MqttVersion::v5;
  std::chrono::microseconds interval{40'000};  // between two messages
  Entrance entrance = Entrance::broker;
  bool clean = true;            // false: a persistent session
  bool resend = true;           // false: what is not confirmed when the connection ends is given up
  bool receipts = false;        // tell the peer what was delivered, and now and then read
  bool bears_refusals = false;  // `unavailable` is no complaint: the message is given up
  // The next message waits until the last one is confirmed, and one that is refused as `unavailable` is
  // published again: so order is kept through refusals.
  bool one_at_a_time = false;
  std::size_t max_waiting = ~0U;  // messages without `sent`; while so many wait, nothing new is published
  std::chrono::milliseconds reading_time{0};  // over each message that arrives: a slow reader
  std::string token = {};                     // empty: a fresh one for each connection
  // Published after every connect: presence, a push registration. One that is refused is not told again.
  std::vector<Publish> greetings = {};
  // A message of this device's is confirmed; it was last published at that time. In the client's thread.
  std::function<void(std::chrono::steady_clock::time_point published)> on_confirmed = {};
  // The store has told marks of this conversation, live or by sync. In any of its two threads, one at a time.
  std::function<void(const Receipt& marks)> on_marks = {};
};

// Runs in a thread of its own from construction to destruction. The other functions may be called from any.
class Chatter {
 public:
  using Clock = std::chrono::steady_clock;

  Chatter(const TestPlatform& platform, ChatterSpec spec);
  ~Chatter();
  Chatter(const Chatter&) = delete;
  Chatter& operator=(const Chatter&) = delete;

  const std::string& user() const { return spec_.user; }
  const std::string& peer() const { return spec_.peer; }
  const ChatterSpec& spec() const { return spec_; }

  // Messages of its own that it knows to be stored (`sent` has come), and all that it ever published.
  std::size_t confirmed() const;
  std::size_t published() const;
  // Messages that were refused, and those given up at a connection's end (resend = false).
  std::size_t given_up() const;
  // How often it was told `unavailable` for a message.
  std::size_t refusals() const;
  // How often it had to connect.
  std::size_t connections() const;
  // Ends its connection as a lost network does. It connects again.
  void drop();
  // For so long nothing that arrives is read.
  void stop_reading(std::chrono::milliseconds time);

  // Ends the load; the connection stays. Returns whether all that was published is confirmed.
  bool finish(std::chrono::milliseconds patience = kPatience);
  // After finish(): whether every PUBACK has come, and the peer was told of everything seen so far.
  bool quiet() const;
  // The highest seq it has seen, and whether it has seen all up to there and up to `at_least`.
  Seq highest_seen() const;
  bool seen_all(Seq at_least) const;
  // Asks for one more sync; synced() tells when it is done. sync_again() waits for it.
  void want_sync();
  bool synced() const;
  void sync_again();

  DeviceRecord record() const;
  // What it was told that nobody should be told: error events, refused publishes.
  std::vector<std::string> complaints() const;

 private:
  struct Wishes {
    bool publish;
    bool sync;
    bool drop;
  };
  // A PUBACK that is waited for: of a message (its index), or of a receipt.
  struct Unacknowledged {
    int token;
    std::optional<std::size_t> index;
    MarksTold receipt;
  };

  void run(const std::stop_token& stop);
  bool go_live(const std::stop_token& stop);
  void turn(const std::stop_token& stop);
  bool connect();
  bool sync(const std::stop_token& stop);
  std::optional<nlohmann::json> ask_sync(const std::stop_token& stop);
  void take_page(const nlohmann::json& page);
  bool resend();
  void publish_next();
  bool publish(std::size_t index);
  // False: there is none.
  bool publish_refused();
  bool bears_refusals() const { return spec_.bears_refusals || spec_.one_at_a_time; }
  void publish_receipt();
  void note_quiet();
  void settle_pubacks();
  void settle(const Unacknowledged& sent, int reason);
  Wishes wishes();

  // In the client's thread.
  void take(const Received& received);
  void take_in(const InTopic& topic, const Received& received);
  void take_error(const Received& received);
  // Need mutex_.
  void take_envelope(const nlohmann::json& json, std::vector<Envelope>& into);
  void take_marks(const Receipt& receipt, std::vector<MarksTold>& into);
  void confirm(const std::string& id);
  void give_up(std::size_t index);
  std::optional<std::size_t> index_of(const std::string& id) const;

  void complain(const std::string& what);
  void wait(const std::stop_token& stop, Clock::time_point until);

  const TestPlatform& platform_;
  const ChatterSpec spec_;
  std::atomic<Clock::time_point::rep> blind_until_{0};

  // Owned by the thread.
  std::unique_ptr<TestClient> mqtt_;
  std::deque<Unacknowledged> unacknowledged_;  // of this connection
  std::string cursor_;
  std::size_t questions_ = 0;
  Seq receipt_told_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  // Guarded by mutex_.
  DeviceRecord record_;
  std::set<std::size_t> waiting_;                // indexes of published messages without `sent`
  std::map<std::size_t, int> refused_;           // how often, by index
  std::vector<Clock::time_point> published_at_;  // the last time, by index
  std::size_t confirmed_ = 0;
  std::size_t given_up_ = 0;
  std::size_t refusals_ = 0;
  std::optional<std::size_t> again_;  // index of a refused message that is to be published again
  std::set<Seq> seen_;
  std::size_t quiet_at_ = 0;  // so much it had seen when it was quiet last
  std::vector<std::string> complaints_;
  std::size_t connections_ = 0;
  bool publishing_ = true;
  bool sync_wanted_ = false;
  bool drop_wanted_ = false;

  std::jthread thread_;
};

}  // namespace duet
