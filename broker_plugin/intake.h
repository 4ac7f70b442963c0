// broker_plugin/intake.h: what a device publishes, after the access table has let it pass.
//
// In this order: rate, size and form, who may speak to whom, journal. Whatever refuses comes before anything
// has an effect.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "acl/block_list.h"
#include "acl/token_bucket.h"
#include "broker_plugin/broker_port.h"
#include "broker_plugin/gate_status.h"
#include "broker_plugin/moment.h"
#include "broker_plugin/options.h"
#include "broker_plugin/pipe.h"
#include "broker_plugin/presence.h"
#include "broker_plugin/refusals.h"
#include "broker_plugin/service_links.h"
#include "broker_plugin/sessions.h"
#include "broker_plugin/typing.h"
#include "protocol/topic.h"

namespace duet {

// The parts of the plugin that a device's publish may touch. They outlive the intake.
struct IntakeParts {
  Pipes& pipes;
  const BlockList& blocks;
  Presence& presence;
  Typing& typing;
  const ServiceLinks& services;
  BrokerPort& broker;
};

// Used by the broker's thread alone.
class Intake {
 public:
  Intake(const Options& options, IntakeParts parts);

  // Takes a publish of a device's live session. Returns nullopt when it was accepted: the broker acknowledges
  // it and routes it to whoever is subscribed (a message to nobody: the journal is its way on). Precondition:
  // the access table allows the session to publish to `topic`.
  std::optional<Refused> accept(Session& session, const Topic& topic, std::string_view payload, Moment now);

  // The last append to a journal, if it failed.
  const std::optional<JournalFailure>& journal_failure() const { return journal_failure_; }

  // Whether the device's share of events is used up. For answers to publishes that nothing else bounds.
  bool events_used_up(const Session& session, Moment now);

 private:
  std::optional<Refused> accept_out(const Session& session, const OutTopic& topic, std::string_view payload,
                                    Moment now);
  std::optional<Refused> accept_message(const Device& device, const OutTopic& topic, std::string_view payload,
                                        Moment now);
  std::optional<Refused> accept_device(Session& session, const DeviceTopic& topic, std::string_view payload,
                                       Moment now);
  std::optional<Refused> accept_request(const Session& session, std::string_view payload, Moment now);
  std::optional<Refused> accept_push(std::string_view payload) const;
  // To oneself, or to somebody who does not want to hear from this user.
  std::optional<Refusal> unwelcome(const OutTopic& topic) const;
  std::optional<Refused> append(RecordKind kind, const Device& device, const OutTopic& topic,
                                std::string_view payload, Moment now);

  const PayloadLimits limits_;
  IntakeParts parts_;
  TokenBuckets messages_;  // by user
  TokenBuckets requests_;  // by device
  TokenBuckets events_;    // by device
  std::optional<JournalFailure> journal_failure_;
};

}  // namespace duet
