// privacy_kit/report.h: what was checked, and what was found.
//
// Used by one thread.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace duet::privacy {

// One square of the table: who does what to what.
struct Cell {
  std::string principal;
  std::string action;
  std::string what;  // a topic, filter, client id or question
};

struct Finding {
  Cell cell;
  std::string expected;
  std::string seen;
};

class Report {
 public:
  // `prefix` of the throw-away accounts' names is left out of what is printed.
  explicit Report(std::string prefix) : prefix_(std::move(prefix)) {}

  // Counts the cell; the same cell counts once.
  void checked(const Cell& cell);
  // Something that must not happen did. Counts the cell too; the same finding is kept once.
  void leak(const Cell& cell, const std::string& expected, const std::string& seen);
  // Something that must work did not: without it, silence proves nothing.
  void broken(const Cell& cell, const std::string& expected, const std::string& seen);
  void skipped(const std::string& what, const std::string& why) { skipped_.emplace_back(what, why); }

  std::size_t cells() const { return cells_.size(); }
  const std::vector<Finding>& leaks() const { return leaks_; }
  const std::vector<Finding>& failures() const { return failures_; }

  std::string table() const;    // cells by principal and action, then the findings
  std::string summary() const;  // "N cells, L leaks", and failures if there are any
  nlohmann::json json() const;

 private:
  void add(std::vector<Finding>& to, const Cell& cell, const std::string& expected, const std::string& seen);
  Cell shown(const Cell& cell) const;
  std::string shown(std::string text) const;
  std::string square(const std::string& principal, const std::string& action) const;

  std::string prefix_;
  std::set<std::string> cells_;
  std::set<std::string> known_;          // findings
  std::vector<std::string> principals_;  // in the order of their first cells
  std::vector<std::string> actions_;
  std::map<std::pair<std::string, std::string>, std::size_t> counts_;
  std::vector<Finding> leaks_;
  std::vector<Finding> failures_;
  std::vector<std::pair<std::string, std::string>> skipped_;
};

}  // namespace duet::privacy
