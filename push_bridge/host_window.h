// push_bridge/host_window.h: how many posts may be on their way to one host.
//
// One, until the host has answered one with 2xx; then as many as configured. APNs allows one stream on a
// connection until it has seen a valid token there (Apple: "Establishing a token-based connection to APNs"),
// so it is one again whenever there may be a new connection: after a failure, and after a time without posts
// in which the server may have closed the old one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace duet {

// A value: used by one thread at a time. The caller brings the time.
class HostWindow {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class End : std::uint8_t {
    success,            // answered with 2xx
    refusal,            // answered with anything else
    timeout,            // sent, and not answered in time
    stream_failure,     // this post's alone
    connection_failure  // of a connection, or there was none
  };

  explicit HostWindow(std::size_t most) : most_(most) {}

  // Takes a place, if there is one.
  bool take(TimePoint now);
  void give_back(End end, TimePoint now);

  // libcurl has sent something again: a connection has ended.
  void connection_ended();

  // No place until those taken are given back, and a new connection then.
  void renew() { renew_ = true; }
  // Whether the post that has just taken a place is to have a new connection. Says so once.
  bool starts_anew();

  std::size_t taken() const { return taken_; }

 private:
  std::size_t limit(TimePoint now) const;

  std::size_t most_;
  std::size_t taken_ = 0;
  bool proven_ = false;  // a success since there may have been a new connection
  bool renew_ = false;
  bool anew_ = false;
  int timeouts_ = 0;              // since the last answer
  std::size_t answers_ = 0;       // since there was a new connection
  std::size_t lasts_ = SIZE_MAX;  // so many answers on one connection are well
  TimePoint last_end_{};
};

}  // namespace duet
