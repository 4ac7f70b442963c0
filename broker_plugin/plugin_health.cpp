#include "broker_plugin/plugin_health.h"

namespace duet {
namespace {

// The loop turns ten times a second when nothing happens. The process counts as dead only much later
// (Health::kPatienceWithLoops).
constexpr std::chrono::seconds kSlowTurn{5};

// A refused publish is news for so long. Without a next one nothing else would show that the journal can be
// written again; that the disk is still full is seen by itself.
constexpr std::chrono::seconds kRecentFailure{10};

}  // namespace

PluginHealth::PluginHealth(const Options& options)
    : loop_(health_.add_loop("the broker's loop")),
      store_(health_.add_state("no store is connected")),
      journal_(health_.add_state()),
      turned_(Health::Clock::now()),
      server_(options.health_listen, [this] { return health_.report(); }) {
  health_.add_check([this](Health::Clock::time_point now) -> std::optional<std::string> {
    const auto pause = now - turned_.load();
    if (pause < kSlowTurn) return std::nullopt;
    return "the broker's loop has not turned for " + seconds_text(pause);
  });
  health_.add_check([directory = options.journal_dir.string()](auto) { return disk_trouble(directory); });
}

void PluginHealth::note(const GateStatus& status, Health::Clock::time_point now) {
  loop_.turned();
  turned_ = now;
  status.store_attached ? store_.good() : store_.bad("no store is connected");
  const auto& failure = status.journal_failure;
  if (failure && now - failure->at < kRecentFailure) {
    journal_.bad("publishes are refused, as the journal cannot be written: " + failure->why);
  } else {
    journal_.good();
  }
}

}  // namespace duet
