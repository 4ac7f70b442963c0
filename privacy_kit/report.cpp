#include "privacy_kit/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace duet::privacy {
namespace {

using nlohmann::json;

void remember(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

std::size_t count_of(const std::vector<Finding>& findings, const std::string& principal,
                     const std::string& action) {
  return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), [&](const Finding& one) {
    return one.cell.principal == principal && one.cell.action == action;
  }));
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

json to_json(const std::vector<Finding>& findings) {
  json list = json::array();
  for (const auto& one : findings) {
    list.push_back({{"principal", one.cell.principal},
                    {"action", one.cell.action},
                    {"what", one.cell.what},
                    {"expected", one.expected},
                    {"seen", one.seen}});
  }
  return list;
}

std::string lines(const std::string& word, const std::vector<Finding>& findings) {
  constexpr std::size_t kShown = 40;
  std::string text;
  for (std::size_t i = 0; i < std::min(findings.size(), kShown); ++i) {
    const auto& one = findings[i];
    text += word + ": " + one.cell.principal + ", " + one.cell.action + ", " + one.cell.what +
            "\n    expected: " + one.expected + "\n    seen:     " + one.seen + "\n";
  }
  if (findings.size() > kShown)
    text += word + ": and " + std::to_string(findings.size() - kShown) + " more (--json)\n";
  return text;
}

}  // namespace

void Report::checked(const Cell& cell) {
  if (!cells_.insert(cell.principal + '\n' + cell.action + '\n' + cell.what).second) return;
  remember(principals_, cell.principal);
  remember(actions_, cell.action);
  ++counts_[{cell.principal, cell.action}];
}

void Report::leak(const Cell& cell, const std::string& expected, const std::string& seen) {
  add(leaks_, cell, expected, seen);
}

void Report::broken(const Cell& cell, const std::string& expected, const std::string& seen) {
  add(failures_, cell, expected, seen);
}

void Report::add(std::vector<Finding>& to, const Cell& cell, const std::string& expected,
                 const std::string& seen) {
  checked(cell);
  const std::string key = cell.principal + '\n' + cell.action + '\n' + cell.what + '\n' + shown(seen);
  if (known_.insert(key).second) to.push_back({shown(cell), shown(expected), shown(seen)});
}

Cell Report::shown(const Cell& cell) const {
  return {cell.principal, cell.action, shown(cell.what)};
}

std::string Report::shown(std::string text) const {
  for (auto at = text.find(prefix_); at != std::string::npos; at = text.find(prefix_, at)) {
    text.erase(at, prefix_.size());
  }
  return text;
}

std::string Report::square(const std::string& principal, const std::string& action) const {
  const auto found = counts_.find({principal, action});
  if (found == counts_.end()) return "-";
  std::string text = std::to_string(found->second);
  if (const auto n = count_of(leaks_, principal, action)) text += " (" + std::to_string(n) + " LEAKS)";
  if (const auto n = count_of(failures_, principal, action)) text += " (" + std::to_string(n) + " FAIL)";
  return text;
}

std::string Report::table() const {
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"cells checked"});
  rows[0].insert(rows[0].end(), actions_.begin(), actions_.end());
  for (const auto& principal : principals_) {
    rows.push_back({principal});
    for (const auto& action : actions_) rows.back().push_back(square(principal, action));
  }
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 2);
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += padded(row[i], widths[i]);
    text += '\n';
  }
  text += lines("LEAK", leaks_) + lines("FAILURE", failures_);
  for (const auto& [what, why] : skipped_) text += "not checked: " + what + " (" + why + ")\n";
  return text;
}

std::string Report::summary() const {
  std::string text = std::to_string(cells_.size()) + " cells, " + std::to_string(leaks_.size()) + " leaks";
  if (!failures_.empty()) text += ", " + std::to_string(failures_.size()) + " failures";
  return text;
}

json Report::json() const {
  nlohmann::json table = nlohmann::json::array();
  for (const auto& [square, count] : counts_) {
    table.push_back({{"principal", square.first}, {"action", square.second}, {"cells", count}});
  }
  nlohmann::json skipped = nlohmann::json::array();
  for (const auto& [what, why] : skipped_) skipped.push_back({{"what", what}, {"why", why}});
  return {{"cells", cells_.size()},
          {"leaks", to_json(leaks_)},
          {"failures", to_json(failures_)},
          {"table", std::move(table)},
          {"skipped", std::move(skipped)}};
}

}  // namespace duet::privacy
