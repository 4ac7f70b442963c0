#include "bench/report.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace duet {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<const char*, double>, 3> kPercentiles{
    {{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}}};

constexpr auto kNone = "-";

double to_ms(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string number(double value, int decimals) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return out.str();
}

// Rows of one measurement: a label and a cell for each target that has it.
class Table {
 public:
  explicit Table(std::ostream& out) : out_(out) {}

  void heading(const std::string& text) { out_ << '\n' << text << '\n'; }
  // A row without any value is left out.
  void row(const std::string& label, const std::vector<std::string>& cells) {
    if (std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell == kNone; }))
      return;
    out_ << "  " << std::left << std::setw(34) << label << std::right;
    for (const std::string& cell : cells) out_ << std::setw(14) << cell;
    out_ << '\n';
  }

 private:
  std::ostream& out_;
};

using Measurements = std::vector<const Measurement*>;

void print_latency(const std::string& label, const Measurements& columns, Histogram Measurement::*histogram,
                   Table& table) {
  const auto cells = [&](auto value) {
    std::vector<std::string> out;
    for (const Measurement* column : columns) {
      const Histogram& latency = column->*histogram;
      out.push_back(latency.count() > 0 ? number(to_ms(value(latency)), 2) : kNone);
    }
    return out;
  };
  for (const auto& [name, percent] : kPercentiles) {
    table.row(label + " " + name + ", ms",
              cells([p = percent](const Histogram& h) { return h.percentile(p); }));
  }
  table.row(label + " max, ms", cells([](const Histogram& h) { return h.max(); }));
}

void print_cpu(const Measurements& columns, Table& table) {
  for (const char* const process : {"broker", "store", "push", "auth", "generator"}) {
    std::vector<std::string> cells;
    for (const Measurement* column : columns) {
      const auto cpu = std::find_if(column->cpu.begin(), column->cpu.end(),
                                    [&](const Measurement::Cpu& c) { return c.process == process; });
      cells.push_back(cpu == column->cpu.end() ? kNone : number(column->cpu_us_per_message(*cpu), 1));
    }
    table.row(std::string(process) + " CPU, us/message", cells);
  }
  std::vector<std::string> in_all;
  for (const Measurement* column : columns) in_all.push_back(number(column->cpu_us_per_message(), 1));
  table.row("all but the generator, us/message", in_all);
}

void print_phase(const std::string& title, const Measurements& columns, Table& table) {
  if (columns.empty()) return;
  table.heading(title);
  std::vector<std::string> delivered;
  for (const Measurement* column : columns) delivered.push_back(number(column->delivered_per_second(), 0));
  if (columns.size() == 2) {
    const double relay = columns[1]->delivered_per_second();
    delivered.push_back(number(relay > 0 ? columns[0]->delivered_per_second() / relay : 0, 2));
  }
  table.row("delivered/s", delivered);
  print_latency("publish -> peer", columns, &Measurement::to_peer, table);
  print_latency("publish -> sent", columns, &Measurement::to_sent, table);
  print_cpu(columns, table);
}

Measurements column_of(const std::vector<TargetReport>& targets,
                       std::optional<Measurement> TargetReport::*phase) {
  Measurements columns;
  for (const TargetReport& target : targets) {
    if (target.*phase) columns.push_back(&*(target.*phase));
  }
  return columns;
}

std::optional<double> maximum_ratio(const std::vector<TargetReport>& targets) {
  if (targets.size() != 2 || !targets[0].closed || !targets[1].closed) return std::nullopt;
  return targets[0].closed->delivered_per_second() / targets[1].closed->delivered_per_second();
}

std::string verdict(bool met) {
  return met ? "met" : "NOT MET";
}

void print_goals(const Options& options, const std::vector<TargetReport>& targets, std::ostream& out) {
  out << '\n';
  const TargetReport& first = targets.front();
  const bool as_asked = options.pairs == kGoalPairs && options.rate == kGoalRate;
  if (as_asked && first.name == "duet" && first.open) {
    const auto p99 = std::max(first.open->to_peer.percentile(99), first.open->to_sent.percentile(99));
    out << "goal p99 <= " << kGoalP99.count() << " ms: " << number(to_ms(p99), 2) << " ms, "
        << verdict(p99 <= kGoalP99) << '\n';
  }
  if (const auto ratio = maximum_ratio(targets)) {
    out << "goal maximum >= " << number(kGoalRatio, 1) << " of the plain relay's: " << number(*ratio, 2)
        << ", " << verdict(*ratio >= kGoalRatio) << '\n';
  }
}

void print_faults(const TargetReport& target, std::ostream& out) {
  const Faults& faults = target.faults;
  out << target.name << ": ";
  if (faults.total() == 0) {
    out << "every message arrived once, in order\n";
    return;
  }
  out << "FAULTS: " << faults.missing << " missing, " << faults.repeated << " repeated or late, "
      << faults.misnumbered << " misnumbered, " << faults.misrouted << " misrouted, " << faults.refused
      << " refused\n";
}

json latency_json(const Histogram& latency) {
  json out{{"count", latency.count()}, {"max_ms", to_ms(latency.max())}};
  for (const auto& [name, percent] : kPercentiles)
    out[std::string(name) + "_ms"] = to_ms(latency.percentile(percent));
  return out;
}

json measurement_json(const Measurement& measurement) {
  json cpu = json::object();
  for (const Measurement::Cpu& process : measurement.cpu) {
    cpu[process.process] = measurement.cpu_us_per_message(process);
  }
  json out{{"delivered", measurement.delivered},
           {"delivered_per_second", measurement.delivered_per_second()},
           {"publish_to_peer", latency_json(measurement.to_peer)},
           {"cpu_us_per_message", cpu},
           {"platform_cpu_us_per_message", measurement.cpu_us_per_message()}};
  if (measurement.to_sent.count() > 0) out["publish_to_sent"] = latency_json(measurement.to_sent);
  return out;
}

json target_json(const TargetReport& target) {
  json out{{"faults",
            {{"missing", target.faults.missing},
             {"repeated", target.faults.repeated},
             {"misnumbered", target.faults.misnumbered},
             {"misrouted", target.faults.misrouted},
             {"refused", target.faults.refused}}}};
  if (target.open) out["open_loop"] = measurement_json(*target.open);
  if (target.closed) out["closed_loop"] = measurement_json(*target.closed);
  return out;
}

}  // namespace

void print_table(const Options& options, const std::vector<TargetReport>& targets, std::ostream& out) {
  out << options.pairs * 2 << " connections, MQTT " << (options.mqtt == MqttVersion::v5 ? "5" : "3.1.1")
      << ", bodies of " << options.body_bytes << " bytes, "
      << (options.receipts == Receipts::yes ? "with" : "no") << " receipts, " << options.duration.count()
      << " s each\n";
  Table table(out);
  std::vector<std::string> names;
  names.reserve(targets.size() + 1);
  for (const TargetReport& target : targets) names.push_back(target.name);
  if (targets.size() == 2) names.emplace_back("ratio");
  table.row("", names);
  print_phase("open loop, " + number(options.rate, 0) + " messages/s",
              column_of(targets, &TargetReport::open), table);
  print_phase("closed loop, " + std::to_string(options.window) + " on their way in each pair",
              column_of(targets, &TargetReport::closed), table);
  print_goals(options, targets, out);
  for (const TargetReport& target : targets) print_faults(target, out);
}

void print_json(const Options& options, const std::vector<TargetReport>& targets, std::ostream& out) {
  json result{{"connections", options.pairs * 2},
              {"rate", options.rate},
              {"seconds", options.duration.count()},
              {"window", options.window},
              {"body_bytes", options.body_bytes},
              {"receipts", options.receipts == Receipts::yes},
              {"mqtt", options.mqtt == MqttVersion::v5 ? 5 : 4}};
  for (const TargetReport& target : targets)
    result[target.name == "duet" ? "duet" : "relay"] = target_json(target);
  if (const auto ratio = maximum_ratio(targets)) result["maximum_ratio"] = *ratio;
  out << result.dump(2) << '\n';
}

}  // namespace duet
