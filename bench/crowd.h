// bench/crowd.h: many participants on one epoll, and the times at which they want to do something.
//
// One thread; nothing happens but in poll().
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <queue>
#include <utility>
#include <vector>

#include "bench/participant.h"

namespace duet {

class Crowd {
 public:
  using Clock = Participant::Clock;

  Crowd(std::vector<ParticipantSpec> participants, const Endpoint& endpoint);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  std::size_t size() const { return participants_.size(); }
  const Participant& participant(std::size_t index) const { return participants_[index]; }
  // How many have come at least so far.
  std::size_t count(Stage at_least) const;

  // Has further ones begin, so that no more than a few are on their way at a time; false: all have begun.
  bool begin_more();
  // A message of this participant. Precondition: it is live.
  void publish(std::size_t index, const PublishTemplate& message, std::uint64_t number);
  // Waits for traffic or a participant's time, at most until `until`, and has them act.
  void poll(Clock::time_point until, ParticipantSink& sink);

 private:
  void after(std::size_t index);
  void watch(std::size_t index);

  std::vector<Participant> participants_;
  std::vector<char> scratch_;
  int epoll_;
  std::size_t begun_ = 0;
  std::vector<Stage> stage_;  // of each, as it is counted in:
  std::array<std::size_t, 4> at_stage_{};
  struct Watched {
    int fd = -1;
    bool writable = false;
  };
  std::vector<Watched> watched_;
  std::vector<Clock::time_point> alarm_;  // of each, the last that was set
  using Alarm = std::pair<Clock::time_point, std::size_t>;
  // Holds an entry for every participant's wake_at(); others are stale.
  std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms_;
};

}  // namespace duet
