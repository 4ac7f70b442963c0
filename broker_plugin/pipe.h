// broker_plugin/pipe.h: the way of accepted publishes to the store, one pipe for each partition.
#pragma once

#include <deque>

#include "broker_plugin/broker_port.h"
#include "broker_plugin/feeder.h"
#include "broker_plugin/options.h"
#include "journal/journal.h"
#include "protocol/names.h"

namespace duet {

struct Pipe {
  Pipe(Partition partition, const JournalOptions& journal_options, BrokerPort& broker,
       std::size_t window_frames);

  Journal journal;
  Feeder feeder;
};

// Used by the broker's thread alone.
class Pipes {
 public:
  // Opens the journals. Throws what Journal throws. `boot_id` is the kernel's name for this boot.
  Pipes(const Options& options, const std::string& boot_id, BrokerPort& broker);

  // The pipe of a conversation. Precondition: one != other.
  Pipe& of(const UserId& one, const UserId& other);
  // Null when there is no such partition.
  Pipe* find(Partition partition);
  void tick(Feeder::Clock::time_point now);

 private:
  BrokerPort& broker_;
  std::deque<Pipe> pipes_;  // never empty
  bool sync_failure_told_ = false;
};

}  // namespace duet
