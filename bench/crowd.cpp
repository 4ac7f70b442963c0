#include "bench/crowd.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <system_error>

namespace duet {
namespace {

constexpr std::size_t kCrowdBeginsAtOnce = 64;
constexpr std::size_t kCrowdScratchBytes = std::size_t{256} * 1024;

}  // namespace

Crowd::Crowd(std::vector<ParticipantSpec> participants, const Endpoint& endpoint)
    : scratch_(kCrowdScratchBytes),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stage_(participants.size(), Stage::away),
      watched_(participants.size()),
      alarm_(participants.size(), Clock::time_point::max()) {
  if (epoll_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  at_stage_[static_cast<std::size_t>(Stage::away)] = participants.size();
  participants_.reserve(participants.size());
  for (ParticipantSpec& spec : participants)
    participants_.emplace_back(participants_.size(), std::move(spec), endpoint);
}

Crowd::~Crowd() {
  ::close(epoll_);
}

std::size_t Crowd::count(Stage at_least) const {
  return std::accumulate(at_stage_.begin() + static_cast<std::ptrdiff_t>(at_least), at_stage_.end(),
                         std::size_t{0});
}

bool Crowd::begin_more() {
  const std::size_t live = count(Stage::live);
  for (; begun_ < participants_.size() && begun_ - live < kCrowdBeginsAtOnce; ++begun_) {
    participants_[begun_].on_time(Clock::now());
    after(begun_);
  }
  return begun_ < participants_.size();
}

void Crowd::publish(std::size_t index, const PublishTemplate& message, std::uint64_t number) {
  participants_[index].publish(message, number);
  after(index);
}

void Crowd::poll(Clock::time_point until, ParticipantSink& sink) {
  std::array<epoll_event, 512> events;
  if (!alarms_.empty()) until = std::min(until, alarms_.top().first);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  const int timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1000));
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "epoll_wait");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    participants_[event.data.u64].on_events(event.events, scratch_, sink);
    after(event.data.u64);
  }
  const auto now = Clock::now();
  while (!alarms_.empty() && alarms_.top().first <= now) {
    const auto [at, index] = alarms_.top();
    alarms_.pop();
    if (participants_[index].wake_at() != at) continue;
    participants_[index].on_time(now);
    after(index);
  }
}

// Whatever has happened to one: its socket and its next time may be others.
void Crowd::after(std::size_t index) {
  const Participant& participant = participants_[index];
  --at_stage_[static_cast<std::size_t>(stage_[index])];
  stage_[index] = participant.stage();
  ++at_stage_[static_cast<std::size_t>(stage_[index])];
  if (participant.fd() < 0) {
    watched_[index] = {};
  } else if (watched_[index].fd != participant.fd() ||
             watched_[index].writable != participant.wants_to_write()) {
    watch(index);
  }
  const auto at = participant.wake_at();
  if (at != alarm_[index] && at != Clock::time_point::max()) alarms_.emplace(at, index);
  alarm_[index] = at;
}

void Crowd::watch(std::size_t index) {
  const Participant& participant = participants_[index];
  epoll_event event{};
  event.events = EPOLLIN | (participant.wants_to_write() ? EPOLLOUT : 0U);
  event.data.u64 = index;
  const int operation = watched_[index].fd == participant.fd() ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_, operation, participant.fd(), &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
  watched_[index] = {participant.fd(), participant.wants_to_write()};
}

}  // namespace duet
