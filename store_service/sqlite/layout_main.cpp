// duet-store-layout: how fast a layout of tables takes messages (docs/adr/0003-sqlite-layout.md).
//
// Fills a new database with messages of random conversations, `--batch` of them in a transaction, and then
// commits
// `--singles` messages one by one. Prints a row for each quarter of the filling and one for the singles.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "store_service/sqlite/layout_candidates.h"

namespace duet::sqlite {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Config {
  std::filesystem::path file;  // must not exist
  std::string layout = "store";
  std::size_t conversations = 500;
  std::size_t messages = 2'000'000;
  std::size_t batch = 100;
  std::size_t singles = 2000;
  std::size_t body_bytes = 120;
  SqliteOptions options;
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class Load {
 public:
  Load(Candidate& candidate, const Config& config)
      : candidate_(candidate), config_(config), body_(config.body_bytes, 'x') {}

  // Commits `count` messages and prints how that went.
  void run(std::size_t count, std::size_t batch) {
    std::vector<double> commits;
    const auto start = Clock::now();
    const double cpu = cpu_seconds();
    for (std::size_t done = 0; done < count; done += batch) commits.push_back(commit(batch));
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    total_ += count;
    std::sort(commits.begin(), commits.end());
    const auto n = static_cast<double>(count);
    std::printf("| %-7s | %7zu | %8zu | %5zu | %8.0f | %8.1f | %7.2f | %7.2f | %7.1f |\n",
                config_.layout.c_str(), config_.conversations, total_, batch, n / seconds,
                (cpu_seconds() - cpu) / n * 1e6, commits[commits.size() / 2],
                commits[commits.size() * 99 / 100], commits.back());
    std::fflush(stdout);
  }

 private:
  // Returns the milliseconds it took.
  double commit(std::size_t batch) {
    std::vector<std::string> ids;
    std::vector<Arrival> arrivals;
    ids.reserve(batch);
    for (std::size_t i = 0; i < batch; ++i) {
      ids.push_back(random_id());
      arrivals.push_back({random_() % config_.conversations, ids.back(), body_});
    }
    const auto start = Clock::now();
    candidate_.commit(arrivals);
    return Milliseconds(Clock::now() - start).count();
  }

  // As long as a UUID.
  std::string random_id() {
    std::string id(36, '-');
    for (std::size_t i = 0; i < id.size(); ++i) {
      if (i != 8 && i != 13 && i != 18 && i != 23) id[i] = "0123456789abcdef"[random_() % 16];
    }
    return id;
  }

  Candidate& candidate_;
  const Config& config_;
  const std::string body_;
  std::minstd_rand random_{42};
  std::size_t total_ = 0;
};

void measure(const Config& config) {
  const auto layout = parse_layout(config.layout);
  if (!layout) throw std::runtime_error("no such layout: " + config.layout);
  if (exists(config.file)) throw std::runtime_error(config.file.string() + " exists");
  const auto candidate = open_candidate(*layout, config.file, config.conversations, config.options);
  std::puts("| layout  | convers | messages | batch |    msg/s | CPU us/m | p50 ms  | p99 ms  | max ms  |");
  Load load(*candidate, config);
  for (int quarter = 0; quarter < 4; ++quarter) load.run(config.messages / 4, config.batch);
  if (config.singles > 0) load.run(config.singles, 1);
  std::printf("%ju bytes a message\n", file_size(config.file) / (config.messages + config.singles));
}

}  // namespace
}  // namespace duet::sqlite

int main(int argc, char** argv) try {
  duet::sqlite::Config config;
  CLI::App app("Measures layouts of the store's tables");
  app.add_option("file", config.file, "database to make")->required();
  app.add_option("--layout", config.layout, "store, blocks, dense or changes")->capture_default_str();
  app.add_option("--conversations", config.conversations)->capture_default_str();
  app.add_option("--messages", config.messages)->capture_default_str();
  app.add_option("--batch", config.batch, "messages in a transaction")->capture_default_str();
  app.add_option("--singles", config.singles, "transactions of one message, afterwards")
      ->capture_default_str();
  app.add_option("--body-bytes", config.body_bytes)->capture_default_str();
  app.add_option("--page-bytes", config.options.page_bytes)->capture_default_str();
  app.add_option("--checkpoint-pages", config.options.checkpoint_pages)->capture_default_str();
  app.add_option("--recent-ids", config.options.recent_ids)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  duet::sqlite::measure(config);
  return EXIT_SUCCESS;
} catch (const std::exception& e) {
  std::cerr << "duet-store-layout: " << e.what() << '\n';
  return EXIT_FAILURE;
}
