#include "broker_plugin/pipe.h"

#include <string>

namespace duet {

Pipe::Pipe(Partition partition, const JournalOptions& journal_options, BrokerPort& broker,
           std::size_t window_frames)
    : journal(journal_options), feeder(partition, journal, broker, window_frames) {
  for (const auto& repair : journal.repairs()) broker.log(LogLevel::warning, "journal: " + repair);
}

Pipes::Pipes(const Options& options, const std::string& boot_id, BrokerPort& broker) : broker_(broker) {
  for (Partition partition = 0; partition < options.partitions; ++partition) {
    const JournalOptions journal{options.journal_dir / std::to_string(partition), boot_id,
                                 options.segment_bytes, options.journal_sync, options.journal_sync_interval};
    pipes_.emplace_back(partition, journal, broker, options.window_frames);
  }
}

Pipe& Pipes::of(const UserId& one, const UserId& other) {
  if (pipes_.size() == 1) return pipes_.front();  // spares the hot path two copies of names
  const auto conversation = Conversation::between(one, other);
  return pipes_.at(partition_of(conversation.value(), static_cast<Partition>(pipes_.size())));
}

Pipe* Pipes::find(Partition partition) {
  return partition < pipes_.size() ? &pipes_[partition] : nullptr;
}

void Pipes::tick(Feeder::Clock::time_point now) {
  for (auto& pipe : pipes_) {
    pipe.feeder.tick(now);
    if (sync_failure_told_) continue;
    if (const auto error = pipe.journal.sync_failure()) {
      broker_.log(LogLevel::error, "journal: cannot be synced, messages are refused: " + error.message());
      sync_failure_told_ = true;
    }
  }
}

}  // namespace duet
