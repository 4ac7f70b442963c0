#include "client/core.h"

#include <stdexcept>
#include <utility>

#include "client/message_check.h"
#include "file_io/crash_point.h"
#include "file_io/store_error.h"
#include "protocol/topic.h"

namespace duet {
namespace {

// Beyond that, what arrives is dropped; a new connection and its sync bring it again.
constexpr std::size_t kMaxTasks = 20'000;
constexpr std::size_t kMaxCallerTasks = 10'000;
constexpr std::size_t kMaxBatch = 200;  // so that a flood does not keep receipts and cursor waiting
// How long a client that goes waits to tell its last receipts.
constexpr std::chrono::seconds kLastWords{1};
constexpr std::chrono::milliseconds kFirstDiskRetry{100};
constexpr std::chrono::milliseconds kMaxDiskRetry{5'000};

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Client::Core::Core(ClientOptions options, ClientHandlers handlers)
    : options_(std::move(options)),
      handlers_(std::move(handlers)),
      me_(options_.device.user),
      database_(options_.state_directory, options_.device),
      outbox_(options_.first_resend, options_.max_resend),
      requests_(random_name().substr(0, 8) + "."),
      follower_(me_, options_.receipts, handlers_, follower_ports(), database_.marks(), database_.cursor()),
      link_(link_options(), link_handlers()) {
  for (const auto& [peer, marks] : database_.marks()) {
    if (marks.seen > 0) outbox_.begun(peer);
  }
  for (const auto& waiting : database_.outbox()) outbox_.add(waiting.position, waiting.id, waiting.peer);
}

// First the thread, so that nothing new is published; then the link, which finishes what is on its way; then
// what its answers have changed.
Client::Core::~Core() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  link_.stop();
  finish();
}

void Client::Core::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  link_.start();
}

LinkOptions Client::Core::link_options() const {
  LinkOptions link;
  link.uri = options_.uri;
  link.client_id = format_client_id(options_.device);
  link.password = options_.token;
  link.subscriptions = {{inbox_filter(me_), 1}, {device_filter(options_.device), 1}};
  link.will = {format_topic(DeviceTopic{options_.device, DeviceKind::presence, {}}),
               format_presence(DeviceState::offline)};
  link.mqtt_version = options_.mqtt_version;
  return link;
}

LinkHandlers Client::Core::link_handlers() {
  return {.on_connected = [this] { post([this] { on_connected(); }); },
          .on_message = [this](const LinkMessage& message) { on_link_message(message); },
          .on_state =
              [this](const std::string& state) {
                if (!link_.connected()) post([this] { on_disconnected(); });
                if (handlers_.on_state) handlers_.on_state(state);
              },
          .on_refused =
              [this](const std::string& why) {
                post([this, why] {
                  if (handlers_.on_token_refused) handlers_.on_token_refused(why);
                });
              }};
}

Follower::Ports Client::Core::follower_ports() {
  return {.ask =
              [this](std::string method, RequestPayload parameters, Requests::Handler handler) {
                ask(std::move(method), std::move(parameters), std::nullopt, std::move(handler));
              },
          .take_from_outbox = [this](const MessageId& id) { return take_from_outbox(id); },
          .told =
              [this](const UserId& peer) {
                save();
                const std::lock_guard lock(store_mutex_);
                return database_.told(peer);
              },
          .live =
              [this] {
                const std::lock_guard lock(store_mutex_);
                outbox_.open();
              },
          .now = steady_now};
}

void Client::Core::post(Task task) {
  const std::lock_guard lock(task_mutex_);
  tasks_.push_back(std::move(task));
  task_added_.notify_one();
}

void Client::Core::post_answer(Task task) {
  const std::lock_guard lock(task_mutex_);
  answers_.push_back(std::move(task));
  task_added_.notify_one();
}

void Client::Core::post_from_caller(Task task) {
  {
    const std::lock_guard lock(task_mutex_);
    if (tasks_.size() >= kMaxCallerTasks) throw std::runtime_error("too much is asked of the client at once");
  }
  post(std::move(task));
}

void Client::Core::on_link_message(const LinkMessage& message) {
  {
    const std::lock_guard lock(task_mutex_);
    if (overflowed_) return;
    if (tasks_.size() >= kMaxTasks) {
      overflowed_ = true;
      link_.reconnect();
      return;
    }
  }
  post([this, topic = std::string(message.topic), payload = std::string(message.payload)] {
    on_incoming(topic, payload);
  });
}

void Client::Core::run(const std::stop_token& stop) {
  stop_ = stop;
  try {
    while (!stop.stop_requested()) work(stop);
    tell_last_receipts();
  } catch (const StoreUnavailable& e) {
    // It was asked to stop while its disk was full. A later client tells again what this one could not keep.
    if (handlers_.on_state) handlers_.on_state(e.what());
  } catch (const std::exception& e) {
    // The disk failed, or a handler. Going on could lose what the application has not seen.
    follower_.stop();
    if (handlers_.on_failed) handlers_.on_failed(e.what());
  }
}

void Client::Core::work(const std::stop_token& stop) {
  const auto batch = wait_for_batch(stop);
  for (const auto& answer : batch.answers) answer();
  for (const auto& task : batch.tasks) {
    if (stop.stop_requested()) break;
    task();
  }
  settle();
}

// The last message was told, but its receipt may be waiting for the answer to the one before.
void Client::Core::tell_last_receipts() {
  const auto deadline = steady_now() + kLastWords;
  while (follower_.receipts().telling() && steady_now() < deadline) {
    std::deque<Task> answers;
    {
      std::unique_lock lock(task_mutex_);
      task_added_.wait_until(lock, deadline, [this] { return !answers_.empty(); });
      answers.swap(answers_);
    }
    for (const auto& answer : answers) answer();
    save();
    publish_receipts(steady_now());
  }
}

// What the link still told: answers, and among them that messages of the outbox are safe with the broker.
void Client::Core::finish() {
  try {
    for (const auto& answer : answers_) answer();
    save();
  } catch (const std::exception& e) {
    // Nothing is lost: a later client tells it again.
    if (handlers_.on_state) handlers_.on_state(e.what());
  }
}

Client::Core::Batch Client::Core::wait_for_batch(const std::stop_token& stop) {
  const auto until = next_time();
  std::unique_lock lock(task_mutex_);
  const auto added = [this] { return !tasks_.empty() || !answers_.empty(); };
  if (until) {
    task_added_.wait_until(lock, stop, *until, added);
  } else {
    task_added_.wait(lock, stop, added);
  }
  Batch batch{std::exchange(answers_, {}), {}};
  while (!tasks_.empty() && batch.tasks.size() < kMaxBatch) {
    batch.tasks.push_back(std::move(tasks_.front()));
    tasks_.pop_front();
  }
  return batch;
}

std::optional<SteadyTime> Client::Core::next_time() const {
  auto next = earlier(requests_.next_time(), follower_.next_time());
  next = earlier(next, follower_.next_receipt_time());
  next = earlier(next, push_.next_time());
  next = earlier(next, typing_.next_time());
  const std::lock_guard lock(store_mutex_);
  return earlier(next, outbox_.next_time());
}

void Client::Core::on_connected() {
  on_disconnected();
  {
    const std::lock_guard lock(task_mutex_);
    overflowed_ = false;
  }
  requests_.open();
  push_.connected(steady_now());
  if (!options_.follow) {
    const std::lock_guard lock(store_mutex_);
    outbox_.open();
    return;
  }
  link_.publish({.topic = format_topic(DeviceTopic{options_.device, DeviceKind::presence, {}}),
                 .payload = format_presence(DeviceState::online),
                 .retained = true});
  follower_.connected();
}

void Client::Core::on_disconnected() {
  requests_.close();
  push_.disconnected();
  tell_stopped_typing(typing_.forget());
  follower_.disconnected();
  const std::lock_guard lock(store_mutex_);
  outbox_.close();
}

void Client::Core::ask(std::string method, RequestPayload parameters, std::optional<SteadyTime> deadline,
                       Requests::Handler handler) {
  if (requests_.full() && deadline) {
    handler(refuse(ErrorCode::unavailable, "too many requests wait for an answer"));
    return;
  }
  requests_.add(std::move(method), std::move(parameters), deadline, std::move(handler));
}

void Client::Core::settle() {
  const auto now = steady_now();
  for (auto& late : requests_.expired(now)) late.handler(std::move(late.answer));
  follower_.at_time(now);
  tell_stopped_typing(typing_.expired(now));
  save();
  publish_requests(now);
  publish_push(now);
  publish_receipts(now);
  publish_messages(now);
}

void Client::Core::save() {
  const auto cursor = follower_.take_changed_cursor();
  const auto marks = follower_.receipts().take_changed();
  const auto told = follower_.take_newly_told();
  if (!cursor && marks.empty()) return;
  keep([&] { database_.save(marks, told, cursor ? &*cursor : nullptr); });
}

// Writes with store_mutex_ held, again and again while the disk is full: what was told and not kept would be
// told twice by the next client. Meanwhile nothing more is told, and send() says that it cannot keep
// anything. When it shall stop it throws StoreUnavailable.
void Client::Core::keep(const std::function<void()>& write) {
  Delay pause(kFirstDiskRetry, kMaxDiskRetry);
  for (bool told = false;; told = true) {
    try {
      const std::lock_guard lock(store_mutex_);
      return write();
    } catch (const StoreUnavailable& e) {
      if (stop_.stop_requested()) throw;
      if (!told && handlers_.on_state) handlers_.on_state(std::string(e.what()) + "; retrying");
    }
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop_, pause.next(), [] { return false; });
  }
}

void Client::Core::publish_requests(SteadyTime now) {
  for (auto& due : requests_.due(now)) {  // what cannot be published now is asked again later
    link_.publish({.topic = format_topic(DeviceTopic{options_.device, DeviceKind::request, due.method}),
                   .payload = std::move(due.payload)});
  }
}

void Client::Core::publish_push(SteadyTime now) {
  auto registration = push_.due(now);
  if (!registration) return;
  const auto answered = [this](bool accepted) {
    post_answer([this, accepted] { push_.answered(accepted, steady_now()); });
  };
  const auto result =
      link_.publish({.topic = format_topic(DeviceTopic{options_.device, DeviceKind::push, {}}),
                     .payload = *std::move(registration)},
                    answered);
  if (result != PublishResult::accepted) push_.answered(false, now);
}

void Client::Core::publish_receipts(SteadyTime now) {
  for (const auto& due : follower_.receipts().due(now)) {
    const auto answered = [this, due](bool accepted) {
      post_answer([this, due, accepted] { follower_.receipts().answered(due, accepted, steady_now()); });
    };
    const OutTopic topic{me_, due.peer, OutKind::receipt};
    const auto result =
        link_.publish({.topic = format_topic(topic), .payload = format_receipt(due.payload)}, answered);
    if (result != PublishResult::accepted) follower_.receipts().answered(due, false, now);
  }
}

void Client::Core::publish_messages(SteadyTime now) {
  const std::lock_guard lock(store_mutex_);
  for (const auto& attempt : outbox_.due(now)) {
    auto message = database_.message(attempt.position);
    if (!message) throw std::runtime_error("the client's database lost a message of the outbox");
    const auto answered = [this, attempt](bool accepted) {
      post_answer([this, attempt, accepted] {
        const std::lock_guard relock(store_mutex_);
        DUET_CRASH_POINT("client.puback");
        outbox_.answered(attempt, accepted, steady_now());
      });
    };
    DUET_CRASH_POINT("client.publish.before");
    const auto result = link_.publish(
        {.topic = format_topic(OutTopic{me_, message->peer, OutKind::message}),
         .payload = format_message(
             {.id = message->id, .body = std::move(message->body), .type = std::move(message->type)})},
        answered);
    if (result != PublishResult::accepted) outbox_.answered(attempt, false, now);
    DUET_CRASH_POINT("client.publish.after");
  }
}

Result<MessageId, Refusal> Client::Core::send(const UserId& peer, const std::string& body,
                                              const std::string& type, std::optional<MessageId> id) {
  if (auto refusal = check_message(me_, peer, body, type)) return Failure<Refusal>(*std::move(refusal));
  if (!id) id = random_message_id();
  {
    const std::lock_guard lock(store_mutex_);
    if (outbox_.contains(*id)) return *std::move(id);
    if (outbox_.full()) return refuse(ErrorCode::unavailable, "too many messages wait to be sent");
    outbox_.add(database_.append({*id, peer, type, body}), *id, peer);
  }
  post([] {});  // has the core look at the outbox
  return *std::move(id);
}

void Client::Core::mark_read(const UserId& peer, Seq seq) {
  post_from_caller([this, peer, seq] { follower_.mark_read(peer, seq); });
}

void Client::Core::set_typing(const UserId& peer, bool typing) {
  link_.publish({.topic = format_topic(OutTopic{me_, peer, OutKind::typing}),
                 .payload = format_typing(typing),
                 .qos = 0});
}

void Client::Core::request(const std::string& method, RequestPayload parameters, Requests::Handler handler) {
  post_from_caller(
      [this, method, parameters = std::move(parameters), handler = std::move(handler)]() mutable {
        ask(method, std::move(parameters), steady_now() + options_.request_patience, std::move(handler));
      });
}

void Client::Core::set_push(std::string registration, std::function<void()> on_taken) {
  post_from_caller([this, registration = std::move(registration), on_taken = std::move(on_taken)]() mutable {
    push_.set(std::move(registration), std::move(on_taken), steady_now());
  });
}

std::size_t Client::Core::outbox_size() const {
  const std::lock_guard lock(store_mutex_);
  return outbox_.size();
}

}  // namespace duet
