// service/health.h: whether a service is alive and does its work, as its parts report it.
//
// A service is *live* while its loops turn, and *ready* while it is live and nothing keeps it from its work.
// Both are computed from the clock each time someone asks, so that a thread that hangs shows.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

struct HealthReport {
  bool live = true;
  bool ready = true;                 // never true unless live
  std::vector<std::string> reasons;  // why it is not ready, one clause each; empty exactly when it is

  friend bool operator==(const HealthReport&, const HealthReport&) = default;
};

// One line of JSON: {"live":true,"ready":false,"reasons":["not connected to the broker for 12 s: …"]}
std::string format_health(const HealthReport& report);
// The reverse; nullopt for anything else.
std::optional<HealthReport> parse_health(std::string_view text);

// What an HTTP server answers to a GET of
//
//   /healthz/live    200 while it is live, otherwise 503
//   /healthz/ready   200 while it is ready, otherwise 503; /healthz is the same
//
// The body is format_health() for each of them. Nullopt for any other path.
struct HealthAnswer {
  unsigned status;
  std::string body;  // JSON
};
std::optional<HealthAnswer> answer_health(std::string_view path, const HealthReport& report);

// The reasons as one text, "ready" when there are none.
std::string summary(const HealthReport& report);

// Thread-safe. What add_… returns lives as long as the object.
class Health {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  // A loop of one thread. The process is not live while the loop has been at one piece of work, or between
  // two turns, for longer than its limit.
  class Loop {
   public:
    Loop(std::string name, std::chrono::milliseconds limit, const Now& now)
        : name_(std::move(name)), limit_(limit), now_(now), since_(now()) {}
    // It begins a piece of work, or another turn.
    void turned() { since_ = now_(); }
    // It waits for work, which may take for ever: it counts as alive until the next turned().
    void waits() { since_ = Clock::time_point::max(); }

   private:
    friend class Health;
    std::optional<std::string> trouble(Clock::time_point now) const;

    const std::string name_;
    const std::chrono::milliseconds limit_;
    const Now& now_;
    std::atomic<Clock::time_point> since_;
  };

  // Something that works or does not, as its last attempt has shown.
  class State {
   public:
    State(std::string why, const Now& now) : now_(now), why_(std::move(why)), since_(now()) {}
    void good();
    // `why`: one clause, "the database failed: disk full". The report adds for how long it has been so.
    void bad(const std::string& why);
    bool is_good() const;

   private:
    friend class Health;
    std::optional<std::string> trouble(Clock::time_point now) const;

    const Now& now_;
    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::string why_;  // empty: good
    Clock::time_point since_;
  };

  // Returns what is wrong, as a clause, or nullopt. Called by the thread that asks, which must not wait in
  // it.
  using Check = std::function<std::optional<std::string>(Clock::time_point now)>;

  explicit Health(Now now = Clock::now) : now_(std::move(now)) {}
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  // `name` as in "the writer has not moved for 31 s".
  Loop& add_loop(const std::string& name, std::chrono::milliseconds limit = kPatienceWithLoops);
  // Bad from the start for that reason; with an empty reason good.
  State& add_state(const std::string& why = "");
  // Whatever the check refers to must outlive all calls of report().
  void add_check(Check check);

  HealthReport report() const;

  // Far more than any turn takes on a machine that is only slow.
  static constexpr std::chrono::seconds kPatienceWithLoops{30};

 private:
  const Now now_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::list<Loop> loops_;
  std::list<State> states_;
  std::vector<Check> checks_;
};

// "less than 1 MiB is free on the disk of DIR": a check for a service that writes there. Nullopt for a
// directory that cannot be looked at, which shows elsewhere.
std::optional<std::string> disk_trouble(const std::string& directory);

// "12 s", rounded down.
std::string seconds_text(std::chrono::nanoseconds duration);

}  // namespace duet
