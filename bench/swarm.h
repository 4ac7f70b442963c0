// bench/swarm.h: all connections of a measurement, on one epoll.
//
// One thread; nothing happens but in connect_all() and poll().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/client.h"
#include "bench/stop_signal.h"

namespace duet {

using BenchClock = std::chrono::steady_clock;

struct BrokerAddress {
  std::string host;  // an IPv4 address
  std::uint16_t port;
};

class Swarm {
 public:
  // `stop` must outlive the swarm: once it is raised, poll() throws.
  Swarm(const BrokerAddress& broker, MqttVersion version, std::vector<ClientSpec> clients,
        const StopSignal& stop);
  ~Swarm();
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  // Connects every client and makes its subscriptions, few at a time: the broker's backlog is 100. Tells
  // `progress` how many are ready from time to time. Throws when that is not done by `deadline`.
  void connect_all(BenchClock::time_point deadline, const std::function<void(std::size_t)>& progress);

  std::size_t size() const { return clients_.size(); }
  const Client& client(std::size_t index) const { return clients_[index]; }

  // Queues a publish; the next poll() sends it.
  void publish(std::size_t client, const PublishTemplate& message, std::uint64_t number);
  void publish(std::size_t client, std::string_view topic, std::string_view payload);

  // Sends what is queued, waits until there is traffic, at most until `until`, and hands what arrived to
  // `sink`, which may publish.
  void poll(BenchClock::time_point until, MessageSink& sink);

 private:
  void touch(std::size_t client);
  void flush();
  void watch(std::size_t client, std::uint32_t events, int operation);

  sockaddr_in broker_;
  const StopSignal* stop_;
  int epoll_;
  std::vector<Client> clients_;
  std::vector<char> buffer_;
  std::vector<std::size_t> dirty_;  // clients with output, each once
  std::vector<bool> is_dirty_;
  std::vector<bool> is_blocked_;  // waits until its socket is writable
};

}  // namespace duet
