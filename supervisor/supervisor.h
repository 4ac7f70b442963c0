// supervisor/supervisor.h: keeps the platform's processes running.
//
// One thread owns it: the one that calls run().
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "supervisor/backoff.h"
#include "supervisor/process.h"
#include "supervisor/report.h"
#include "supervisor/signals.h"

namespace duet {

// A process and what the supervisor must know about it.
struct Part {
  ProcessSpec spec;
  std::function<void()> before_start;   // called before every start; may be empty
  std::function<bool(pid_t)> is_ready;  // whether this process does its work by now
  std::string after = {};  // the name of a part that has to be ready at every start; may be empty
};

struct SupervisorHooks {
  // Before the platform was ever ready: whether something else than a part itself keeps it from starting (a
  // full disk). Its end is not counted then. Asked at each end and once a second. May be empty.
  std::function<bool()> held_up = {};
  std::function<void()> on_ready;                                    // once: every part is ready
  std::function<void(const std::map<std::string, pid_t>&)> on_pids;  // when ready, and after every restart
  std::function<void()> on_stopping;                                 // before the parts are stopped
  std::function<void()> on_tick;                                     // about once a second
};

class Supervisor {
 public:
  using Clock = std::chrono::steady_clock;

  // A part that ends so often before the platform was ever ready, and is not held up, cannot start at all.
  static constexpr int kMaxEarlyEnds = 5;
  // A part that was started again is told of as soon as it is ready, but after this time in any case.
  static constexpr std::chrono::seconds kTellPatience{1};
  // How long a part may take to stop before it is killed.
  static constexpr std::chrono::seconds kStopPatience{10};

  // The parts are started in this order, and stopped in the opposite one.
  Supervisor(std::vector<Part> parts, SupervisorHooks hooks, const Signals& signals, Report& report);

  // Starts the parts, starts again with backoff whatever dies or cannot be started, and returns after a
  // signal that asks to stop, when all have ended. Throws std::runtime_error, all parts stopped, when one
  // cannot start at all: its name and its own last words. What a hook throws is thrown, all parts stopped.
  void run();

 private:
  struct Watched {
    explicit Watched(Part p) : part(std::move(p)), process(part.spec) {}

    Part part;
    Process process;
    RestartBackoff backoff;
    std::optional<Clock::time_point> start_at;  // set exactly while it does not run
    int early_ends = 0;
    std::string told_end;                      // how it ended, as it was last said; empty once it was ready
    bool failing = false;                      // it ended the same way twice: nothing more is said of that
    pid_t told_pid = 0;                        // as on_pids has it
    pid_t ready_pid = 0;                       // the process that was found ready
    std::optional<Clock::time_point> tell_by;  // set exactly while on_pids has to be told of it
  };

  void supervise();
  Clock::time_point next_event() const;
  void start(Watched& watched);
  static Result<void, std::string> try_to_start(Watched& watched);
  void start_due();
  bool may_start(const Watched& watched) const;
  void notice_ends();
  void after_end(Watched& watched, const ProcessEnd& end);
  bool is_held_up() const;
  void check_ready();
  void stop_all();
  void stop(Process& process);
  void tick();
  void look_after_logs();
  static bool is_ready(Watched& watched);
  void tell_restarted();
  std::map<std::string, pid_t> pids() const;

  std::vector<std::unique_ptr<Watched>> parts_;
  SupervisorHooks hooks_;
  const Signals& signals_;
  Report& report_;
  Clock::time_point started_at_;
  Clock::time_point next_tick_;
  Clock::time_point stopping_since_;
  bool ready_ = false;
  bool told_slow_ = false;
  std::optional<std::string> failure_;
};

}  // namespace duet
