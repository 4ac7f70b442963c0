// ws_gateway/counters.h: what has happened since the start. Counted by the gateway's thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace duet {

class Count {
 public:
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }  // one thread
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct GatewayCounters {
  Count accepted;           // TCP connections
  Count dropped;            // of these, at once: even for a refusal there were too many
  Count requests;           // HTTP requests answered, without upgrades
  Count refused;            // of these and of the upgrades, with 4xx, but not 404
  Count refused_full;       // with 503: too many connections
  Count broker_away;        // upgrades answered with 502
  Count refused_by_broker;  // MQTT connections: CONNACKs other than 0, and ends without a CONNACK
  Count opened;             // WebSockets
  Count closed;             // of these
  Count timed_out;          // connections ended for being late or idle
  Count protocol_errors;    // WebSockets closed for what the client did: 1002, 1003, 1009
  Count bytes_in;           // from clients to the broker
  Count bytes_out;          // from the broker to clients

  // One line for the log.
  std::string text() const;
};

}  // namespace duet
