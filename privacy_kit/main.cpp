// duet-privacy-kit: looks for leaks in a live Duet. docs/privacy-kit.md.
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <variant>

#include "privacy_kit/identities.h"
#include "privacy_kit/options.h"
#include "privacy_kit/report.h"
#include "privacy_kit/run.h"

namespace {

constexpr int kLeaks = 1;
constexpr int kCannotRun = 2;

void write_json(const duet::privacy::Report& report, const std::filesystem::path& file) {
  std::ofstream stream(file);
  stream << report.json().dump(2) << '\n';
  if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace duet::privacy;
  const auto parsed = parse_command_line(argc, argv);
  if (const auto* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<Options>(parsed);
  const std::string prefix = "kit-" + random_hex(8) + "-";
  Report report(prefix);
  run(options, prefix, report);
  std::cout << report.table() << report.summary() << std::endl;
  if (!options.json.empty()) write_json(report, options.json);
  return report.leaks().empty() && report.failures().empty() ? EXIT_SUCCESS : kLeaks;
} catch (const std::exception& error) {
  std::cerr << "privacy-kit: " << error.what() << '\n';
  return kCannotRun;
}
