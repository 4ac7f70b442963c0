// bench/load.h: the traffic of a measurement and what is learnt from it.
//
// One thread. Every message is checked while it is measured: it must arrive once, in order, at its peer and
// nowhere else. When the platform refuses something, what runs throws std::runtime_error with its words.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/arrival.h"
#include "bench/swarm.h"
#include "bench/target.h"
#include "mqtt_codec/mqtt_codec.h"
#include "service/histogram.h"

namespace duet {

enum class Receipts : bool { no, yes };

struct LoadOptions {
  std::size_t body_bytes;
  Receipts receipts;  // recipients confirm each message
  MqttVersion version;
  std::string marker;  // of the message ids
};

inline constexpr std::string_view kGenerator = "generator";  // the bench itself, among processes

struct Measurement {
  std::chrono::nanoseconds duration{0};
  std::uint64_t delivered = 0;  // at the peers, within `duration`
  Histogram to_peer;            // publish → msg at the peer
  Histogram to_sent;            // publish → sent at the sender
  struct Cpu {
    std::string process;
    std::chrono::nanoseconds time;
  };
  std::vector<Cpu> cpu;  // within `duration`; the last is the generator's own

  // As if both had been one.
  void add(const Measurement& other);
  double delivered_per_second() const;
  double cpu_us_per_message(const Cpu& of) const;
  // Of all that is measured, without the generator.
  double cpu_us_per_message() const;
};

class Load : private MessageSink {
 public:
  // `swarm` is connected: client 2i is the sender of pair i, client 2i + 1 its recipient. Both arguments must
  // outlive the load.
  Load(Swarm& swarm, const Target& target, LoadOptions options);

  // Everybody says online, and every pair exchanges its first messages.
  void warm_up();

  // Publishes `per_second` messages, the pairs in turn, each at its scheduled time whatever became of those
  // before. Latency counts from the scheduled time, so a stall is seen by every message it delays
  // (coordinated omission cannot hide it). Throws when the broker cannot take that rate.
  Measurement open_loop(double per_second, std::chrono::seconds duration);

  // Every pair keeps `window` messages on their way, for a second before and then for `duration`.
  Measurement closed_loop(std::size_t window, std::chrono::seconds duration);

  // Publishes nothing for a while; what still comes is taken.
  void rest(std::chrono::seconds time) { run_until(BenchClock::now() + time); }

  // Of all that was sent so far. To be called when nothing is on its way any more.
  Faults faults() const;

 private:
  struct Pair {
    PublishTemplate message;
    std::string receipt_topic;
    std::uint64_t published = 0;
    std::uint64_t phase_start = 0;  // `published` when the phase began
    Stream delivered;
    Stream confirmed;
    std::uint64_t receipt = 0;                    // the highest `delivered` the sender was told
    std::vector<BenchClock::time_point> sent_at;  // closed loop: ring of the last ones
  };
  enum class Phase : std::uint8_t { idle, open, closed };

  void on_message(std::size_t client, Received kind, std::string_view payload) override;
  void on_arrival(std::size_t pair, Received kind, std::string_view payload);
  void on_receipt(std::size_t client, std::string_view payload);
  [[noreturn]] static void on_refusal(std::string_view payload);
  void confirm_receipt(std::size_t pair);
  BenchClock::time_point published_at(const Pair& pair, std::size_t index, std::uint64_t number) const;

  void publish(std::size_t pair);
  void refill(std::size_t pair);
  void begin(Phase phase);
  void run_until(BenchClock::time_point end);
  // Until all has arrived; what has not by then is missing.
  void drain();
  bool complete() const;
  void go_online();
  std::vector<std::chrono::nanoseconds> cpu_times() const;
  void note_cpu(const std::vector<std::chrono::nanoseconds>& before, Measurement& measurement) const;

  Swarm& swarm_;
  const Target& target_;
  LoadOptions options_;
  std::vector<Pair> pairs_;
  std::vector<MeasuredProcess> processes_;
  Phase phase_ = Phase::idle;
  std::size_t window_ = 1;
  BenchClock::time_point schedule_start_{};
  std::chrono::duration<double> schedule_period_{};
  Measurement* measuring_ = nullptr;  // where latencies go now
  std::uint64_t published_ = 0;       // of all pairs
  std::uint64_t delivered_ = 0;
  std::uint64_t confirmed_ = 0;
  Faults faults_;
};

}  // namespace duet
