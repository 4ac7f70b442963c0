#include "supervisor/supervisor.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <utility>

namespace duet {
namespace {

constexpr std::chrono::milliseconds kReadyPoll{20};
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::milliseconds kStopPoll{500};
// A second signal within this time is the same request: timeout(1), for one, signals the process and its
// group. A later one means that somebody does not want to wait.
constexpr std::chrono::seconds kSameRequest{1};
constexpr std::chrono::seconds kSlowStart{10};

}  // namespace

Supervisor::Supervisor(std::vector<Part> parts, SupervisorHooks hooks, const Signals& signals, Report& report)
    : hooks_(std::move(hooks)), signals_(signals), report_(report) {
  for (auto& part : parts) parts_.push_back(std::make_unique<Watched>(std::move(part)));
}

void Supervisor::run() {
  started_at_ = next_tick_ = Clock::now();
  for (auto& watched : parts_) watched->start_at = started_at_;
  std::exception_ptr broken;
  try {
    start_due();
    supervise();
  } catch (const std::exception& error) {
    report_.note(std::string("stopping: ") + error.what());
    broken = std::current_exception();
  }
  hooks_.on_stopping();
  stop_all();
  if (broken) std::rethrow_exception(broken);
  if (failure_) throw std::runtime_error(*failure_);
}

void Supervisor::supervise() {
  while (!failure_) {
    const auto signal = signals_.wait_until(next_event());
    if (Signals::asks_to_stop(signal)) {
      report_.say("stopping");
      return;
    }
    if (signal == SIGHUP) look_after_logs();
    notice_ends();
    start_due();
    if (ready_) {
      tell_restarted();
    } else {
      check_ready();
    }
    tick();
  }
}

Supervisor::Clock::time_point Supervisor::next_event() const {
  auto next = next_tick_;
  for (const auto& watched : parts_) {
    if (!ready_ || watched->tell_by) next = std::min(next, Clock::now() + kReadyPoll);
    if (!watched->start_at) continue;
    next = std::min(next, may_start(*watched) ? *watched->start_at : Clock::now() + kReadyPoll);
  }
  return next;
}

void Supervisor::start(Watched& watched) {
  watched.start_at.reset();
  const auto started = try_to_start(watched);
  if (!started) {
    after_end(watched, ProcessEnd{.how = started.error(), .lifetime = std::chrono::milliseconds(0)});
    return;
  }
  if (ready_) watched.tell_by = Clock::now() + kTellPatience;
  if (watched.failing) return;
  report_.note(watched.process.name() + " started as process " + std::to_string(watched.process.pid()));
}

// What is done before it (a file is written) is a part of the start: it may fail on a full disk.
Result<void, std::string> Supervisor::try_to_start(Watched& watched) {
  try {
    if (watched.part.before_start) watched.part.before_start();
  } catch (const std::exception& error) {
    return Failure<std::string>(error.what());
  }
  return watched.process.start();
}

void Supervisor::start_due() {
  for (auto& watched : parts_) {
    if (watched->start_at && *watched->start_at <= Clock::now() && may_start(*watched)) start(*watched);
  }
}

bool Supervisor::may_start(const Watched& watched) const {
  return std::all_of(parts_.begin(), parts_.end(), [&watched](const auto& other) {
    return other->part.spec.name != watched.part.after || is_ready(*other);
  });
}

void Supervisor::notice_ends() {
  for (auto& watched : parts_) {
    if (const auto end = watched->process.reap()) after_end(*watched, *end);
  }
}

void Supervisor::after_end(Watched& watched, const ProcessEnd& end) {
  const auto wait = watched.backoff.after_life_of(end.lifetime);
  watched.start_at = Clock::now() + wait;
  watched.tell_by.reset();
  if (!ready_ && !is_held_up() && ++watched.early_ends >= kMaxEarlyEnds) {
    const bool ran = end.lifetime.count() > 0;
    const std::string words = ran ? watched.process.log().last_words() : "";
    failure_ = watched.process.name() + " cannot start: " + (words.empty() ? end.how : words);
    report_.note(*failure_);
    return;
  }
  watched.failing = end.how == watched.told_end;
  watched.told_end = end.how;
  if (watched.failing) return;
  const std::string line = watched.process.name() + " " + end.how + "; starting it again in " +
                           std::to_string(wait.count()) + " ms";
  // While starting, the failure is told once, with its reason, if it stays.
  if (ready_) {
    report_.say(line);
  } else {
    report_.note(line);
  }
}

bool Supervisor::is_held_up() const {
  return hooks_.held_up && hooks_.held_up();
}

bool Supervisor::is_ready(Watched& watched) {
  if (!watched.process.running()) return false;
  const pid_t pid = watched.process.pid();
  if (watched.ready_pid != pid && watched.part.is_ready(pid)) {
    watched.ready_pid = pid;
    watched.told_end.clear();
    watched.failing = false;
  }
  return watched.ready_pid == pid;
}

void Supervisor::check_ready() {
  // The front door, which is the first, is asked when all others are ready: HAProxy takes what it has not
  // checked yet for up.
  const auto missing = std::find_if_not(parts_.rbegin(), parts_.rend(),
                                        [](const auto& watched) { return is_ready(*watched); });
  if (missing == parts_.rend()) {
    ready_ = true;
    for (auto& watched : parts_) watched->told_pid = watched->process.pid();
    hooks_.on_pids(pids());
    hooks_.on_ready();
    return;
  }
  if (told_slow_ || Clock::now() < started_at_ + kSlowStart) return;
  told_slow_ = true;
  Process& process = (*missing)->process;
  report_.say("still waiting for " + process.name() + ", which says: " + process.log().last_words());
}

void Supervisor::tell_restarted() {
  bool changed = false;
  for (auto& watched : parts_) {
    if (!watched->tell_by || (!is_ready(*watched) && Clock::now() < *watched->tell_by)) continue;
    watched->tell_by.reset();
    watched->told_pid = watched->process.pid();
    changed = true;
  }
  if (changed) hooks_.on_pids(pids());
}

void Supervisor::tick() {
  if (Clock::now() < next_tick_) return;
  next_tick_ = Clock::now() + kTick;
  // A service that waits for room does not end; somebody may wait for the start.
  if (!ready_ && Clock::now() >= started_at_ + kTick) is_held_up();
  look_after_logs();
  hooks_.on_tick();
}

void Supervisor::look_after_logs() {
  report_.follow_file();
  for (auto& watched : parts_) {
    watched->process.log().restore();
    watched->process.log().trim();
  }
}

void Supervisor::stop_all() {
  stopping_since_ = Clock::now();
  for (auto watched = parts_.rbegin(); watched != parts_.rend(); ++watched) stop((*watched)->process);
}

void Supervisor::stop(Process& process) {
  process.send(SIGTERM);
  const auto deadline = Clock::now() + kStopPatience;
  bool killed = false;
  while (process.running()) {
    if (const auto end = process.reap()) {
      report_.note(process.name() + " " + end->how);
      return;
    }
    const bool asked = Signals::asks_to_stop(signals_.wait_until(Clock::now() + kStopPoll));
    const auto now = Clock::now();
    const bool impatient = asked && now >= stopping_since_ + kSameRequest;
    if (!killed && (impatient || now >= deadline)) {
      report_.say(process.name() + " does not stop; killing it");
      process.send(SIGKILL);
      killed = true;
    }
  }
}

std::map<std::string, pid_t> Supervisor::pids() const {
  std::map<std::string, pid_t> pids;
  for (const auto& watched : parts_) pids[watched->process.name()] = watched->told_pid;
  return pids;
}

}  // namespace duet
