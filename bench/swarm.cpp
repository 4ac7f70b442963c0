#include "bench/swarm.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace duet {
namespace {

constexpr std::size_t kConnectingAtOnce = 64;
constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
constexpr std::uint64_t kStopTag = std::numeric_limits<std::uint64_t>::max();
constexpr std::chrono::milliseconds kProgressInterval{1000};

class IgnoreMessages : public MessageSink {
 public:
  void on_message(std::size_t, Received, std::string_view) override {}
};

sockaddr_in socket_address(const BrokerAddress& broker) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(broker.port);
  if (inet_pton(AF_INET, broker.host.c_str(), &address.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + broker.host);
  }
  return address;
}

timespec time_until(BenchClock::time_point until) {
  using std::chrono::nanoseconds;
  const nanoseconds left = std::max(nanoseconds(until - BenchClock::now()), nanoseconds(0));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {seconds.count(), (left - seconds).count()};
}

}  // namespace

Swarm::Swarm(const BrokerAddress& broker, MqttVersion version, std::vector<ClientSpec> clients,
             const StopSignal& stop)
    : broker_(socket_address(broker)),
      stop_(&stop),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kBufferBytes),
      is_dirty_(clients.size()),
      is_blocked_(clients.size()) {
  if (epoll_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  // Otherwise the kernel may wake us 50 us later than the schedule of an open loop asks for.
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kStopTag;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop.fd(), &event);
  clients_.reserve(clients.size());
  for (ClientSpec& spec : clients) clients_.emplace_back(clients_.size(), std::move(spec), version);
}

Swarm::~Swarm() {
  ::close(epoll_);
}

void Swarm::connect_all(BenchClock::time_point deadline, const std::function<void(std::size_t)>& progress) {
  IgnoreMessages ignore;
  std::vector<std::size_t> pending;  // begun, not ready
  std::size_t begun = 0;
  auto next_progress = BenchClock::now() + kProgressInterval;
  while (begun < clients_.size() || !pending.empty()) {
    while (begun < clients_.size() && pending.size() < kConnectingAtOnce) {
      clients_[begun].connect(broker_);
      is_blocked_[begun] = true;
      watch(begun, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
      pending.push_back(begun++);
    }
    poll(std::min(deadline, next_progress), ignore);
    std::erase_if(pending, [&](std::size_t client) { return clients_[client].ready(); });
    if (BenchClock::now() >= deadline) {
      throw std::runtime_error("only " + std::to_string(begun - pending.size()) +
                               " clients could connect in time");
    }
    if (BenchClock::now() >= next_progress) {
      progress(begun - pending.size());
      next_progress += kProgressInterval;
    }
  }
  flush();
}

void Swarm::publish(std::size_t client, const PublishTemplate& message, std::uint64_t number) {
  clients_[client].publish(message, number);
  touch(client);
}

void Swarm::publish(std::size_t client, std::string_view topic, std::string_view payload) {
  clients_[client].publish(topic, payload);
  touch(client);
}

void Swarm::poll(BenchClock::time_point until, MessageSink& sink) {
  flush();
  std::array<epoll_event, 512> events;
  const timespec timeout = time_until(until);
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == kStopTag) {
      stop_->check();
      continue;
    }
    const std::size_t client = event.data.u64;
    if ((event.events & EPOLLOUT) != 0) {
      clients_[client].on_writable();
      is_blocked_[client] = false;
      watch(client, EPOLLIN, EPOLL_CTL_MOD);
      touch(client);
    }
    if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) {
      clients_[client].on_readable(buffer_, sink);
      if (clients_[client].has_output()) touch(client);
    }
  }
  flush();
}

void Swarm::touch(std::size_t client) {
  if (is_dirty_[client] || is_blocked_[client]) return;
  is_dirty_[client] = true;
  dirty_.push_back(client);
}

void Swarm::flush() {
  for (const std::size_t client : dirty_) {
    is_dirty_[client] = false;
    if (clients_[client].flush() == Client::Flushed::wait_until_writable) {
      is_blocked_[client] = true;
      watch(client, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
  }
  dirty_.clear();
}

void Swarm::watch(std::size_t client, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = client;
  if (::epoll_ctl(epoll_, operation, clients_[client].fd(), &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

}  // namespace duet
