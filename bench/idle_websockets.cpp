#include "bench/idle_websockets.h"

#include <atomic>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "bench/crowd.h"
#include "bench/target.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kIdleDeadline{180};
constexpr std::chrono::milliseconds kIdlePoll{20};

class NoMessages : public ParticipantSink {
 public:
  void on_message(std::size_t, Received, std::string_view) override {}
  void on_acknowledged(std::size_t, std::uint64_t) override {}
  void on_live(std::size_t) override {}
};

// Browsers that stay connected, in a thread of their own.
class IdleCrowd {
 public:
  IdleCrowd(std::vector<ParticipantSpec> browsers, const Endpoint& gateway)
      : crowd_(std::move(browsers), gateway), thread_([this](const std::stop_token& stop) { run(stop); }) {}

  void await_live(const StopSignal& stop) const {
    const auto deadline = BenchClock::now() + kIdleDeadline;
    while (live_ < crowd_.size()) {
      stop.check();
      if (BenchClock::now() >= deadline) {
        throw std::runtime_error("only " + std::to_string(live_) + " WebSockets could connect in time");
      }
      std::this_thread::sleep_for(kIdlePoll);
    }
  }

  // Ends the thread. Returns how many connections had been lost until then.
  std::uint64_t finish() {
    thread_.request_stop();
    thread_.join();
    std::uint64_t lost = 0;
    for (std::size_t i = 0; i < crowd_.size(); ++i) lost += crowd_.participant(i).lost();
    return lost;
  }

 private:
  void run(const std::stop_token& stop) {
    NoMessages sink;
    while (!stop.stop_requested()) {
      if (live_ < crowd_.size()) {
        crowd_.begin_more();
        live_ = crowd_.count(Stage::live);
      }
      crowd_.poll(BenchClock::now() + kIdlePoll, sink);
    }
  }

  Crowd crowd_;  // the thread's while it runs
  std::atomic<std::size_t> live_{0};
  std::jthread thread_;
};

double ms(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double ratio(double with, double without) {
  return without > 0 ? with / without : 0;
}

IdleReport::Round all_rounds(const IdleReport& report) {
  IdleReport::Round all;
  for (const auto& round : report.rounds) {
    all.without.add(round.without);
    all.with.add(round.with);
  }
  return all;
}

double broker_us(const Measurement& measurement) {
  for (const auto& cpu : measurement.cpu) {
    if (cpu.process == "broker") return measurement.cpu_us_per_message(cpu);
  }
  return 0;
}

json round_json(const IdleReport::Round& round) {
  const auto phase = [](const Measurement& m) {
    return json{{"messages", m.to_peer.count()},
                {"peer_p50_ms", ms(m.to_peer.percentile(50))},
                {"peer_p99_ms", ms(m.to_peer.percentile(99))},
                {"sent_p50_ms", ms(m.to_sent.percentile(50))},
                {"sent_p99_ms", ms(m.to_sent.percentile(99))},
                {"broker_cpu_us", broker_us(m)}};
  };
  const json without = phase(round.without);
  const json with = phase(round.with);
  json ratios;
  for (const auto& [name, value] : without.items()) {
    ratios[name] = ratio(with.at(name).get<double>(), value.get<double>());
  }
  return {{"without", without}, {"with", with}, {"ratio", ratios}};
}

void print_round(const std::string& name, const IdleReport::Round& round, std::ostream& out) {
  const json cells = round_json(round);
  out << '\n' << std::left << std::setw(18) << name << std::right;
  for (const char* column : {"without", "with", "ratio"}) out << std::setw(12) << column;
  out << std::fixed << std::setprecision(2) << '\n';
  for (const char* row : {"peer_p50_ms", "peer_p99_ms", "sent_p50_ms", "sent_p99_ms", "broker_cpu_us"}) {
    out << "  " << std::left << std::setw(16) << row << std::right;
    for (const char* column : {"without", "with", "ratio"})
      out << std::setw(12) << cells[column][row].get<double>();
    out << '\n';
  }
}

// The phase with the crowd, and what it takes.
Measurement with_crowd(const Platform& platform, const IdleOptions& options, const std::string& run,
                       Load& load, const StopSignal& stop, IdleReport& report) {
  const auto gateway = *platform.process("gateway");
  const auto broker = *platform.process("broker");
  const auto gateway_before = anonymous_bytes(gateway);
  const auto broker_before = anonymous_bytes(broker);
  const auto address = platform.websocket_address();
  IdleCrowd crowd(participants(platform, (options.clients + 1) / 2, run, wall_now(), options.keep_alive_s),
                  endpoint_at(address.host, address.port, Transport::websocket));
  crowd.await_live(stop);
  load.rest(options.settle);
  if (report.rounds.empty()) {
    report.gateway_bytes_each = (anonymous_bytes(gateway) - gateway_before) / options.clients;
    report.broker_bytes_each = (anonymous_bytes(broker) - broker_before) / options.clients;
  }
  Measurement measured = load.open_loop(options.rate, options.phase);
  report.lost += crowd.finish();
  return measured;
}

}  // namespace

IdleReport measure_idle(const IdleOptions& options, const StopSignal& stop) {
  const auto say = [](const std::string& what) { std::cerr << "idle-websockets: " << what << std::endl; };
  const std::string run = random_run();
  const Platform platform = Platform::start(options.scratch, stop, Platform::Limits::defaults);
  const Target target = duet_target(platform, options.pairs, run, wall_now());
  Swarm swarm(target.broker, MqttVersion::v3_1_1, clients_of(target), stop);
  swarm.connect_all(BenchClock::now() + kIdleDeadline, [](std::size_t) {});
  Load load(swarm, target, {100, Receipts::no, MqttVersion::v3_1_1, message_marker(run)});
  load.warm_up();
  IdleReport report;
  for (std::size_t i = 0; i < options.rounds; ++i) {
    say("round " + std::to_string(i + 1) + ", without them");
    if (i > 0) load.rest(options.settle);
    IdleReport::Round round{load.open_loop(options.rate, options.phase), {}};
    say("with them");
    round.with = with_crowd(platform, options, random_run(), load, stop, report);
    report.rounds.push_back(std::move(round));
  }
  report.faults = load.faults();
  return report;
}

void print_idle(const IdleOptions& options, const IdleReport& report, std::ostream& out) {
  const auto all = all_rounds(report);
  if (options.json) {
    json rounds = json::array();
    for (const auto& round : report.rounds) rounds.push_back(round_json(round));
    out << json{{"clients", options.clients},
                {"rounds", rounds},
                {"all", round_json(all)},
                {"gateway_bytes_each", report.gateway_bytes_each},
                {"broker_bytes_each", report.broker_bytes_each},
                {"lost", report.lost},
                {"faults", report.faults.total()}}
               .dump(2)
        << '\n';
    return;
  }
  out << options.clients << " idle WebSockets; " << options.pairs << " pairs on TCP, " << options.rate
      << " messages/s\n";
  for (std::size_t i = 0; i < report.rounds.size(); ++i) {
    print_round("round " + std::to_string(i + 1), report.rounds[i], out);
  }
  print_round("all rounds", all, out);
  out << "\nmemory of an idle WebSocket: gateway " << report.gateway_bytes_each << " bytes, broker "
      << report.broker_bytes_each << " bytes\n"
      << report.lost << " of them lost; messages missing, repeated or out of order: " << report.faults.total()
      << '\n';
}

}  // namespace duet
