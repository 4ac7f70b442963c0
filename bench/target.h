// bench/target.h: who connects to what is measured, and what they publish: data, made before the clock runs.
#pragma once

#include <string>
#include <vector>

#include "bench/client.h"
#include "bench/participant.h"
#include "bench/platform.h"
#include "protocol/names.h"

namespace duet {

// One user who writes to another. Both are devices of their own user, unknown to earlier runs.
struct PairPlan {
  ClientSpec sender;
  ClientSpec recipient;
  std::string message_topic;  // the sender publishes
  std::string receipt_topic;  // the recipient publishes; empty: there are no receipts
};

// Whether a message comes back to its sender as `sent`, numbered by the store.
enum class Confirms : bool { no, yes };

struct Target {
  std::string name;
  BrokerAddress broker;
  std::vector<MeasuredProcess> processes;
  Confirms confirms;
  std::vector<PairPlan> pairs;
};

// A name that no earlier run had.
std::string random_run();
Timestamp wall_now();
std::vector<ClientSpec> clients_of(const Target& target);

// `run` tells this run's users from those of earlier runs on the same platform; it fits into a user name.
Target duet_target(const Platform& platform, std::size_t pairs, const std::string& run, Timestamp now);
// Two by two: participant 2i and participant 2i + 1 write to each other. The topics on which they do are
// given by message_topic_of.
std::vector<ParticipantSpec> participants(const Platform& platform, std::size_t pairs, const std::string& run,
                                          Timestamp now, std::uint16_t keep_alive_s = 60);
std::string message_topic_of(std::size_t pair, const std::string& run);
// Every sender publishes to a topic that its peer alone has subscribed to.
Target relay_target(const PlainRelay& relay, std::size_t pairs, const std::string& run);

}  // namespace duet
