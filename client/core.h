// client/core.h: the threads behind a Client, and what happens on which.
//
//   callers' threads   send() writes into the outbox; everything else becomes a task
//   Paho's threads     what arrives becomes a task
//   the core's thread  runs the tasks and calls the handlers; after each batch it saves what has changed and
//                      publishes what is due
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "client/database.h"
#include "client/follower.h"
#include "client/outbox.h"
#include "client/push_registration.h"
#include "client/requests.h"
#include "client/typing_peers.h"
#include "mqtt_link/link.h"
#include "protocol/topic.h"

namespace duet {

class Client::Core {
 public:
  Core(ClientOptions options, ClientHandlers handlers);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  void start();
  Result<MessageId, Refusal> send(const UserId& peer, const std::string& body, const std::string& type,
                                  std::optional<MessageId> id);
  void mark_read(const UserId& peer, Seq seq);
  void set_typing(const UserId& peer, bool typing);
  void request(const std::string& method, RequestPayload parameters, Requests::Handler handler);
  void set_push(std::string registration, std::function<void()> on_taken);
  void stop_following() { follower_.stop(); }
  std::size_t outbox_size() const;

 private:
  using Task = std::function<void()>;

  LinkOptions link_options() const;
  LinkHandlers link_handlers();
  Follower::Ports follower_ports();

  // Any thread.
  void post(Task task);
  void post_from_caller(Task task);
  void post_answer(Task task);
  void on_link_message(const LinkMessage& message);

  // The core's thread.
  void run(const std::stop_token& stop);
  void work(const std::stop_token& stop);
  void tell_last_receipts();
  void finish();
  struct Batch {
    std::deque<Task> answers;
    std::deque<Task> tasks;
  };
  Batch wait_for_batch(const std::stop_token& stop);
  std::optional<SteadyTime> next_time() const;
  void on_connected();
  void on_disconnected();
  void on_incoming(const std::string& topic, const std::string& payload);
  void on_inbox_message(const InTopic& topic, const std::string& payload);
  void on_typing(const UserId& peer, bool typing);
  void tell_stopped_typing(const std::vector<UserId>& peers);
  void on_sent(const UserId& peer, const Envelope& envelope);
  void on_error(const ErrorEvent& error);
  bool take_from_outbox(const MessageId& id);
  void ask(std::string method, RequestPayload parameters, std::optional<SteadyTime> deadline,
           Requests::Handler handler);
  void settle();
  void save();
  void keep(const std::function<void()>& write);
  void publish_messages(SteadyTime now);
  void publish_receipts(SteadyTime now);
  void publish_requests(SteadyTime now);
  void publish_push(SteadyTime now);

  const ClientOptions options_;
  const ClientHandlers handlers_;
  const UserId me_;

  mutable std::mutex store_mutex_;
  // Guarded by store_mutex_.
  ClientDatabase database_;
  Outbox outbox_;

  // The core's thread's.
  std::stop_token stop_;
  Requests requests_;
  PushRegistration push_;
  TypingPeers typing_;
  Follower follower_;

  mutable std::mutex task_mutex_;
  std::condition_variable_any task_added_;
  // Guarded by task_mutex_.
  std::deque<Task> tasks_;
  std::deque<Task> answers_;  // to our publishes; their number is bounded by the link
  bool overflowed_ = false;

  Link link_;
  std::jthread thread_;
};

}  // namespace duet
