#include "bench/reconnect.h"

#include <algorithm>
#include <csignal>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

#include "bench/arrival.h"
#include "bench/crowd.h"
#include "bench/target.h"
#include "protocol/envelope.h"
#include "protocol/payload.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kFirstConnectDeadline{180};
constexpr std::chrono::seconds kArrivalPatience{60};
constexpr std::chrono::milliseconds kSampleInterval{100};
constexpr std::size_t kStormBodyBytes = 100;

// The conversations of the crowd. Participant 2i writes to 2i + 1.
class Storm : private ParticipantSink {
 public:
  Storm(const Platform& platform, const ReconnectOptions& options, const StopSignal& stop)
      : platform_(platform),
        options_(options),
        stop_(stop),
        run_(random_run()),
        marker_(message_marker(run_)),
        pairs_((options.clients + 1) / 2),
        record_(pairs_),
        crowd_(participants(platform, pairs_, run_, wall_now()), endpoint(platform, options)) {
    for (std::size_t pair = 0; pair < pairs_; ++pair) templates_.push_back(message_of(pair));
  }

  void connect() {
    const auto deadline = BenchClock::now() + kFirstConnectDeadline;
    while (crowd_.begin_more() || live() < crowd_.size()) {
      turn();
      if (BenchClock::now() < deadline) continue;
      throw std::runtime_error("only " + std::to_string(live()) + " clients could connect in time");
    }
    next_message_ = BenchClock::now();
  }

  void chat_for(std::chrono::seconds time) {
    const auto end = BenchClock::now() + time;
    while (BenchClock::now() < end) chat();
  }

  void kill_broker(ReconnectReport& report) {
    const auto before = counts();
    const auto store_before = cpu_time(*platform_.process("store"));
    const pid_t old = platform_.process("broker")->pid;
    ::kill(old, SIGKILL);
    const auto killed_at = BenchClock::now();
    auto next_sample = killed_at;
    while (BenchClock::now() < killed_at + options_.patience) {
      chat();
      const auto now = BenchClock::now();
      if (now < next_sample) continue;
      next_sample = now + kSampleInterval;
      report.curve.push_back({std::chrono::duration_cast<std::chrono::milliseconds>(now - killed_at),
                              crowd_.count(Stage::connected), live()});
      if (counts().lost >= before.lost + crowd_.size() && live() == crowd_.size()) break;
    }
    report.broker_cpu = cpu_time(*platform_.process("broker"));
    report.store_cpu = cpu_time(*platform_.process("store")) - store_before;
    report.back = live();
    note(before, counts(), report);
  }

  // Waits until what was written has arrived, as far as it does.
  ChatRecord::Verdict finish() {
    next_message_ = BenchClock::time_point::max();
    const auto deadline = BenchClock::now() + kArrivalPatience;
    while (!record_.complete() && BenchClock::now() < deadline) turn();
    return record_.verdict();
  }
  std::uint64_t errors() const { return errors_; }

 private:
  struct Counts {
    std::uint64_t attempts = 0;
    std::uint64_t refused = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;
    std::uint64_t not_synced = 0;
  };

  static Endpoint endpoint(const Platform& platform, const ReconnectOptions& options) {
    const auto address = options.websocket ? platform.websocket_address() : platform.address();
    return endpoint_at(address.host, address.port, options.websocket ? Transport::websocket : Transport::tcp);
  }

  PublishTemplate message_of(std::size_t pair) const {
    const std::string prefix = message_id_prefix(marker_, pair);
    const std::string payload =
        format_message({MessageId::parse(prefix + std::string(PublishTemplate::kDigits, '0')),
                        std::string(kStormBodyBytes, 'x'), std::string(kDefaultMessageType)});
    return {message_topic_of(pair, run_), payload, payload.find(prefix) + prefix.size(), MqttVersion::v3_1_1};
  }

  std::size_t live() const { return crowd_.count(Stage::live); }

  void turn() {
    stop_.check();
    crowd_.poll(std::min(next_message_, BenchClock::now() + kSampleInterval), *this);
  }

  // Pair after pair writes, at the rate, whatever has become of its connection.
  void chat() {
    const auto period =
        std::chrono::duration_cast<BenchClock::duration>(std::chrono::duration<double>(1 / options_.rate));
    for (; next_message_ <= BenchClock::now(); next_message_ += period) {
      const std::size_t pair = next_pair_++ % pairs_;
      const auto number = record_.write(pair);
      if (crowd_.participant(2 * pair).stage() == Stage::live) {
        crowd_.publish(2 * pair, templates_[pair], number);
      }
    }
    turn();
  }

  void on_message(std::size_t participant, Received kind, std::string_view payload) override {
    if (kind == Received::error) {
      const auto error = parse_error(payload);
      // That a sync was refused is told in its reply, too.
      if (!error || error->topic == message_topic_of(participant / 2, run_)) ++errors_;
      return;
    }
    const auto found = find_number(payload, marker_);
    const auto side = participant % 2 == 0 ? ChatRecord::Side::sender : ChatRecord::Side::recipient;
    const bool right_kind = kind == (participant % 2 == 0 ? Received::sent : Received::message);
    if (!found || found->pair != participant / 2 || !right_kind) return record_.foreign();
    record_.arrived(found->pair, side, found->number, find_seq(payload));
  }
  void on_acknowledged(std::size_t participant, std::uint64_t number) override {
    record_.acknowledged(participant / 2, number);
  }
  void on_live(std::size_t participant) override {
    if (participant % 2 != 0) return;
    const std::size_t pair = participant / 2;
    for (const auto number : record_.unanswered(pair)) crowd_.publish(participant, templates_[pair], number);
  }

  Counts counts() const {
    Counts all;
    for (std::size_t i = 0; i < crowd_.size(); ++i) {
      const Participant& one = crowd_.participant(i);
      all.attempts += one.attempts();
      all.refused += one.refused();
      all.failed += one.failed();
      all.lost += one.lost();
      all.not_synced += one.not_synced();
    }
    return all;
  }
  void note(const Counts& before, const Counts& after, ReconnectReport& report) const {
    report.attempts = after.attempts - before.attempts;
    report.refused = after.refused - before.refused;
    report.failed = after.failed - before.failed - report.refused;
    report.not_synced = after.not_synced - before.not_synced;
    const auto lost = after.lost - before.lost;
    report.cut_again = lost - std::min<std::uint64_t>(lost, crowd_.size());
  }

  const Platform& platform_;
  const ReconnectOptions& options_;
  const StopSignal& stop_;
  const std::string run_;
  const std::string marker_;
  const std::size_t pairs_;
  ChatRecord record_;
  Crowd crowd_;
  std::vector<PublishTemplate> templates_;
  BenchClock::time_point next_message_ = BenchClock::time_point::max();
  std::size_t next_pair_ = 0;
  std::uint64_t errors_ = 0;
};

template <typename Count>
std::optional<std::chrono::milliseconds> first_with(const std::vector<ReconnectReport::Sample>& curve,
                                                    std::size_t count, Count of) {
  const auto away = std::ranges::min_element(curve, {}, of);  // before it, not all had noticed yet
  const auto there = std::find_if(away, curve.end(), [&](const auto& sample) { return sample.*of >= count; });
  return there == curve.end() ? std::nullopt : std::optional(there->at);
}

std::string seconds(std::optional<std::chrono::milliseconds> time) {
  if (!time) return "never";
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << std::chrono::duration<double>(*time).count() << " s";
  return text.str();
}

json reconnect_json(const ReconnectOptions& options, const ReconnectReport& report) {
  json curve = json::array();
  for (const auto& sample : report.curve) curve.push_back({sample.at.count(), sample.connected, sample.live});
  const auto number = [](std::optional<std::chrono::milliseconds> time) {
    return time ? json(time->count()) : json();
  };
  const auto& chat = report.chat;
  return {{"clients", options.clients},
          {"back", report.back},
          {"all_connected_ms", number(report.connected_at(options.clients))},
          {"all_live_ms", number(report.live_at(options.clients))},
          {"attempts", report.attempts},
          {"refused", report.refused},
          {"failed", report.failed},
          {"cut_again", report.cut_again},
          {"not_synced", report.not_synced},
          {"errors", report.errors},
          {"broker_cpu_ms", report.broker_cpu.count() / 1'000'000},
          {"store_cpu_ms", report.store_cpu.count() / 1'000'000},
          {"written", chat.written},
          {"acknowledged", chat.acknowledged},
          {"missing", chat.missing},
          {"accepted_lost", chat.accepted_lost},
          {"misnumbered", chat.misnumbered},
          {"foreign", chat.foreign},
          {"curve", curve}};
}

}  // namespace

std::optional<std::chrono::milliseconds> ReconnectReport::connected_at(std::size_t count) const {
  return first_with(curve, count, &Sample::connected);
}

std::optional<std::chrono::milliseconds> ReconnectReport::live_at(std::size_t count) const {
  return first_with(curve, count, &Sample::live);
}

ReconnectReport measure_reconnect(const ReconnectOptions& options, const StopSignal& stop) {
  const auto say = [](const std::string& what) { std::cerr << "reconnect: " << what << std::endl; };
  const Platform platform = Platform::start(options.scratch, stop, Platform::Limits::defaults);
  Storm storm(platform, options, stop);
  say("connecting " + std::to_string(options.clients) + " clients");
  storm.connect();
  say("they write");
  storm.chat_for(options.calm);
  say("SIGKILL");
  ReconnectReport report;
  storm.kill_broker(report);
  say(std::to_string(report.back) + " are back");
  storm.chat_for(options.calm);
  report.chat = storm.finish();
  report.errors = storm.errors();
  return report;
}

bool all_well(const ReconnectOptions& options, const ReconnectReport& report) {
  return report.back >= options.clients && report.refused == 0 && report.errors == 0 && report.chat.good();
}

void print_reconnect(const ReconnectOptions& options, const ReconnectReport& report, std::ostream& out) {
  if (options.json) {
    out << reconnect_json(options, report).dump() << '\n';
    return;
  }
  out << options.clients << " clients, " << (options.websocket ? "WebSocket" : "TCP") << ", " << options.rate
      << " messages/s, broker killed\n\n      after   connected        live\n";
  for (const auto share : {0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0}) {
    const auto count = static_cast<std::size_t>(share * static_cast<double>(options.clients));
    out << std::setw(11) << count << std::setw(12)
        << seconds(report.connected_at(std::max<std::size_t>(count, 1))) << std::setw(12)
        << seconds(report.live_at(std::max<std::size_t>(count, 1))) << '\n';
  }
  const auto& chat = report.chat;
  out << '\n'
      << report.back << " are back; " << report.attempts << " attempts, of which " << report.failed
      << " failed and " << report.refused << " were refused; " << report.cut_again << " cut off again, "
      << report.not_synced << " syncs refused, " << report.errors
      << " messages refused\nCPU until all are back: broker " << report.broker_cpu.count() / 1'000'000
      << " ms, store " << report.store_cpu.count() / 1'000'000 << " ms\n"
      << chat.written << " messages written, " << chat.acknowledged << " acknowledged; missing "
      << chat.missing << ", of those acknowledged " << chat.accepted_lost << "; misnumbered "
      << chat.misnumbered << ", foreign " << chat.foreign << '\n';
}

}  // namespace duet
