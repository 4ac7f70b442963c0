// push_bridge/bridge.h: the one thread that decides and sends, and what it does with what comes in.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "push_bridge/bridge_input.h"
#include "push_bridge/decision.h"
#include "push_bridge/dispatcher.h"
#include "push_bridge/feed_follower.h"
#include "push_bridge/registration.h"

namespace duet {

// To the rest of the world. Called on the bridge's thread.
struct BridgeOutlets {
  Poster& poster;
  std::function<void(const PushFeedAsk&)> ask_feed;
  std::function<void(const PushUsers&)> tell_users;
  std::function<bool(const PushCheck&)> ask_check;
  std::function<void(const PushDevices&)> tell_devices;
  std::function<void()> every_second;  // for what else is done by the clock
  std::function<void()> working;       // connected, and everything is known that is needed to send
  // The last word: the database failed, of this. What is on its way is made again by the next bridge.
  std::function<void(std::exception_ptr)> broken;
};

class Bridge {
 public:
  // Senders by channel_name(). The database and the queue outlive it.
  Bridge(PushDatabase& database, BridgeQueue& queue, DecisionRules rules,
         std::map<std::string, std::unique_ptr<Sender>> senders, BridgeOutlets outlets);
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  void start();
  // Waits a while for the answers of what is on its way. The destructor does the same.
  void stop();

  // After broken and stop(): the registrations that were taken from the queue and are not in the database, in
  // their order.
  std::vector<PushSaid> take_unkept() { return std::exchange(unkept_, {}); }

 private:
  void run(const std::stop_token& stop);
  void work(const std::stop_token& stop);
  void follow_clock(const Instant& now);
  void apply(BridgeInput input, const Instant& now);
  void apply_all(std::optional<BridgeInput> first, const Instant& now);
  void on(BrokerConnected, const Instant& now);
  void on(BrokerLost, const Instant& now);
  void on(const DevicePresence::Change& change, const Instant& now);
  void on(const PresenceSnapshot& page, const Instant& now);
  void on(const PushSaid& said, const Instant& now);
  void on(const PushFeedPage& page, const Instant& now) { follower_.apply(page, now); }
  void on(const PushCheckAnswer& answer, const Instant& now) { dispatcher_.on_check(answer, now); }
  void on(const PushDevicesStored& answer, const Instant& now);
  void on(PostDone done, const Instant& now) { dispatcher_.on_posted(std::move(done), now); }

  bool may_send(const Instant& now) const;
  void send(const Instant& now);
  void tell_devices(const Instant& now);
  void keep_house(const Instant& now);
  void finish();
  std::chrono::steady_clock::time_point next_deadline(const Instant& now);
  std::optional<std::string> app_for(const RegistrationPayload& said) const;

  PushDatabase& database_;
  BridgeQueue& queue_;
  const BridgeOutlets outlets_;
  const std::vector<std::string> channels_;
  PushCounters counters_;
  PushCounters logged_;
  DevicePresence presence_;
  Decision decision_;
  Dispatcher dispatcher_;
  FeedFollower follower_;
  std::vector<PushSaid> unkept_;  // of the inputs that are being applied
  Instant last_;                  // when work() last looked
  bool lost_ = false;             // the connection, in the inputs that are being applied
  bool working_ = false;          // said so
  std::chrono::steady_clock::time_point next_second_;
  int seconds_ = 0;
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
