// bench/report.h: what a run has found, for people and as JSON.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "bench/load.h"
#include "bench/options.h"

namespace duet {

struct TargetReport {
  std::string name;
  std::optional<Measurement> open;
  std::optional<Measurement> closed;
  Faults faults;
};

// What Duet is to reach: a p99 at 1,000 connections and 500 messages/s, and a share of the plain relay's
// maximum.
constexpr std::size_t kGoalPairs = 500;
constexpr double kGoalRate = 500;
constexpr std::chrono::milliseconds kGoalP99{20};
constexpr double kGoalRatio = 0.4;

// One column for each target, and the ratio of the first to the second.
void print_table(const Options& options, const std::vector<TargetReport>& targets, std::ostream& out);
void print_json(const Options& options, const std::vector<TargetReport>& targets, std::ostream& out);

}  // namespace duet
