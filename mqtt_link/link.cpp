#include "mqtt_link/link.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "mqtt_link/outgoing.h"
#include "mqtt_link/session.h"

namespace duet {
namespace {

using Clock = std::chrono::steady_clock;

// How long a link that goes waits for what it has accepted to be acknowledged.
constexpr std::chrono::seconds kPoliteness{1};

// Counted in looks, not in time: a process that was stopped for a minute has looked once.
constexpr int kAttemptLooks = 20;  // more than Paho's own 13 s for CONNACK; it has none for SUBACK
constexpr int kSilentLooks = 60;

// A broker that is busy takes less; one that is stopped, or cannot be reached, takes more.
constexpr std::chrono::seconds kSilence{5};

// Exponential, each delay cut by up to a half at random, so that many clients do not come back in step.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds max)
      : first_(first), max_(max), next_(first), random_(std::random_device{}()) {}

  void reset() { next_ = first_; }
  std::chrono::milliseconds next() {
    const auto delay = next_;
    next_ = std::min(next_ * 2, max_);
    std::uniform_real_distribution<double> share(0.5, 1.0);
    return std::chrono::duration_cast<std::chrono::milliseconds>(delay * share(random_));
  }

 private:
  const std::chrono::milliseconds first_;
  const std::chrono::milliseconds max_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_;
};

}  // namespace

// One thread makes the sessions, hands them their messages and waits for their ends. Handlers run on Paho's
// threads while a session lives, and on this thread when none does: never two at a time.
//
// Paho's lock is held in every event, and by whoever calls Paho. Only the link's thread calls Paho, and never
// under mutex_: so publish() waits for no callback, and its callers may hold locks that handlers take.
class Link::Connection {
 public:
  Connection(LinkOptions options, LinkHandlers handlers)
      : options_(std::move(options)), handlers_(std::move(handlers)) {}

  void start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  PublishResult publish(Publish message, std::function<void(bool)> on_done);
  bool connected() const {
    const std::lock_guard lock(mutex_);
    return connected_;
  }
  std::optional<std::string> silence() const {
    const std::lock_guard lock(mutex_);
    if (!connected_ || !asked_at_) return std::nullopt;
    const auto silent = std::chrono::floor<std::chrono::seconds>(Clock::now() - *asked_at_);
    if (silent < kSilence) return std::nullopt;
    return "the broker has not answered for " + std::to_string(silent.count()) + " s";
  }
  void reconnect() {
    const std::lock_guard lock(mutex_);
    reconnect_ = true;
    changed_.notify_all();
  }

 private:
  // How a session ended.
  struct End {
    bool was_connected;
    std::optional<SessionEnd> how;  // nullopt: because somebody wanted it
  };

  void run(const std::stop_token& stop);
  End hold_session(const std::stop_token& stop);
  End serve(Session& session, const std::stop_token& stop);
  void look_after(Session& session, std::unique_lock<std::mutex>& lock);
  void ask(Session& session, std::unique_lock<std::mutex>& lock);
  void finish_politely(Session& session, std::unique_lock<std::mutex>& lock);
  void send_ready(Session& session, std::unique_lock<std::mutex>& lock);
  void pause(const std::stop_token& stop, std::chrono::milliseconds delay);
  void fail_pending();

  SessionEvents session_events();
  void on_ready(std::size_t window);
  void on_published(std::uint64_t number, bool ok);
  void end_session(const SessionEnd& how);
  void end_session_locked(const SessionEnd& how);
  void tell(const std::string& state);
  template <typename Body>
  void guarded(Body body);

  const LinkOptions options_;
  const LinkHandlers handlers_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_.
  Outgoing outgoing_;
  bool connected_ = false;
  bool was_connected_ = false;
  std::optional<SessionEnd> ended_;
  int looks_in_vain_ = 0;                      // since the broker last answered something
  std::optional<Clock::time_point> asked_at_;  // the question that has no answer yet
  bool reconnect_ = false;
  bool closing_ = false;
  std::string last_state_;

  std::jthread thread_;  // last: it uses all of the above
};

void Link::Connection::run(const std::stop_token& stop) {
  Backoff backoff(options_.first_backoff, options_.max_backoff);
  while (!stop.stop_requested()) {
    const auto began = Clock::now();
    const End end = hold_session(stop);
    fail_pending();
    if (stop.stop_requested()) return;
    if (!end.how) {
      tell("connecting anew to " + options_.uri);
      continue;
    }
    if (end.how->refused && handlers_.on_refused) handlers_.on_refused(end.how->why);
    tell(end.was_connected ? "connection to " + options_.uri + " ended: " + end.how->why
                           : "cannot connect to " + options_.uri + ": " + end.how->why + "; trying again");
    if (end.was_connected && Clock::now() - began >= options_.max_backoff) backoff.reset();
    pause(stop, backoff.next());
  }
}

Link::Connection::End Link::Connection::hold_session(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    reconnect_ = false;
    was_connected_ = false;
    ended_.reset();
    looks_in_vain_ = 0;
    asked_at_.reset();
  }
  try {
    const std::string password = options_.password ? options_.password() : std::string();
    Session session(options_, session_events());
    session.connect(password);
    return serve(session, stop);
  } catch (const std::exception& e) {
    const std::lock_guard lock(mutex_);
    connected_ = false;
    return {.was_connected = was_connected_, .how = SessionEnd{.why = e.what()}};
  }
}

Link::Connection::End Link::Connection::serve(Session& session, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  auto next_look = Clock::now() + options_.look_interval;
  while (!ended_ && !reconnect_ && !stop.stop_requested()) {
    send_ready(session, lock);
    changed_.wait_until(lock, stop, next_look,
                        [this] { return ended_ || reconnect_ || (connected_ && outgoing_.ready()); });
    if (Clock::now() < next_look) continue;
    look_after(session, lock);
    next_look = Clock::now() + options_.look_interval;
  }
  if (stop.stop_requested()) finish_politely(session, lock);
  connected_ = false;
  return {.was_connected = was_connected_, .how = ended_};
}

// Paho may lose a connection, or what was to happen on it, without a word.
void Link::Connection::look_after(Session& session, std::unique_lock<std::mutex>& lock) {
  if (connected_) {
    lock.unlock();
    const bool alive = session.alive();
    lock.lock();
    if (!alive) end_session_locked({.why = "the connection is gone"});
  }
  if (connected_ && outgoing_.sent() == 0) {
    looks_in_vain_ = 0;
  } else if (++looks_in_vain_ >= (connected_ ? kSilentLooks : kAttemptLooks)) {
    end_session_locked(
        {.why = connected_ ? "the broker acknowledges nothing" : "the broker does not answer"});
  }
  if (options_.ask_broker && connected_ && !asked_at_) ask(session, lock);
}

void Link::Connection::ask(Session& session, std::unique_lock<std::mutex>& lock) {
  asked_at_ = Clock::now();
  lock.unlock();
  session.ask();
  lock.lock();
}

// What publish() has accepted is sent and acknowledged, if that does not take long.
void Link::Connection::finish_politely(Session& session, std::unique_lock<std::mutex>& lock) {
  closing_ = true;
  const auto deadline = Clock::now() + kPoliteness;
  while (connected_ && !outgoing_.empty() && Clock::now() < deadline) {
    send_ready(session, lock);
    changed_.wait_until(lock, deadline,
                        [this] { return !connected_ || outgoing_.empty() || outgoing_.ready(); });
  }
}

void Link::Connection::send_ready(Session& session, std::unique_lock<std::mutex>& lock) {
  while (connected_) {
    const auto next = outgoing_.next();
    if (!next) return;
    lock.unlock();
    session.publish(next->message, next->number);
    lock.lock();
  }
}

void Link::Connection::pause(const std::stop_token& stop, std::chrono::milliseconds delay) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, delay, [this] { return reconnect_; });
}

void Link::Connection::fail_pending() {
  std::vector<Outgoing::Done> lost;
  {
    const std::lock_guard lock(mutex_);
    lost = outgoing_.take_all();
  }
  for (const auto& done : lost) {
    if (done) guarded([&] { done(false); });
  }
}

SessionEvents Link::Connection::session_events() {
  return {.on_ready = [this](std::size_t window) { on_ready(window); },
          .on_end = [this](const SessionEnd& how) { end_session(how); },
          .on_message =
              [this](const LinkMessage& message) {
                if (handlers_.on_message) guarded([&] { handlers_.on_message(message); });
              },
          .on_published = [this](std::uint64_t number, bool ok) { on_published(number, ok); },
          .on_answer =
              [this] {
                const std::lock_guard lock(mutex_);
                asked_at_.reset();
              }};
}

void Link::Connection::on_ready(std::size_t window) {
  {
    const std::lock_guard lock(mutex_);
    outgoing_.set_window(window);
    if (ended_ || closing_) return;
    connected_ = true;
    was_connected_ = true;
    looks_in_vain_ = 0;
  }
  tell("connected to " + options_.uri);
  if (handlers_.on_connected) guarded([&] { handlers_.on_connected(); });
}

void Link::Connection::on_published(std::uint64_t number, bool ok) {
  std::optional<Outgoing::Done> done;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    done = outgoing_.finish(number);
    looks_in_vain_ = 0;
    wake = outgoing_.ready() || (closing_ && outgoing_.empty());
  }
  // Not under the lock, which the thread that wakes up would have to wait for.
  if (wake) changed_.notify_all();
  if (done && *done) guarded([&] { (*done)(ok); });
}

void Link::Connection::end_session(const SessionEnd& how) {
  const std::lock_guard lock(mutex_);
  end_session_locked(how);
}

void Link::Connection::end_session_locked(const SessionEnd& how) {
  connected_ = false;
  if (!ended_) ended_ = how;
  changed_.notify_all();
}

PublishResult Link::Connection::publish(Publish message, std::function<void(bool)> on_done) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!connected_ || closing_) return PublishResult::not_connected;
    if (outgoing_.full()) return PublishResult::queue_full;
    outgoing_.add(std::move(message), std::move(on_done));
    wake = outgoing_.ready();
  }
  if (wake) changed_.notify_all();
  return PublishResult::accepted;
}

void Link::Connection::tell(const std::string& state) {
  {
    const std::lock_guard lock(mutex_);
    if (state == last_state_) return;
    last_state_ = state;
  }
  if (handlers_.on_state) handlers_.on_state(state);
}

// Nothing may be thrown into Paho. What a handler could not do is tried again on the next connection.
template <typename Body>
void Link::Connection::guarded(Body body) {
  try {
    body();
  } catch (const std::exception& e) {
    tell(std::string("a handler failed: ") + e.what());
    end_session({.why = "a handler failed"});
  }
}

Link::Link(LinkOptions options, LinkHandlers handlers)
    : connection_(std::make_unique<Connection>(std::move(options), std::move(handlers))) {}

Link::~Link() = default;

void Link::start() {
  connection_->start();
}

void Link::stop() {
  connection_->stop();
}

PublishResult Link::publish(Publish message, std::function<void(bool)> on_done) {
  return connection_->publish(std::move(message), std::move(on_done));
}

bool Link::connected() const {
  return connection_->connected();
}

std::optional<std::string> Link::silence() const {
  return connection_->silence();
}

void Link::reconnect() {
  connection_->reconnect();
}

}  // namespace duet
