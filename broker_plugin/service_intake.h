// broker_plugin/service_intake.h: what the platform's own services publish, after the access table has let it
// pass.
#pragma once

#include <string_view>

#include "acl/block_list.h"
#include "acl/token.h"
#include "broker_plugin/broker_port.h"
#include "broker_plugin/moment.h"
#include "broker_plugin/pipe.h"
#include "broker_plugin/revocation_file.h"
#include "broker_plugin/sessions.h"
#include "protocol/topic.h"

namespace duet {

// The parts of the plugin that a service's publish may touch. They outlive the intake.
struct ServiceParts {
  Sessions& sessions;
  Pipes& pipes;
  BlockList& blocks;
  RevocationFile& revocations;
  const TokenVerifier& tokens;
  BrokerPort& broker;
};

// Used by the broker's thread alone.
class ServiceIntake {
 public:
  explicit ServiceIntake(ServiceParts parts) : parts_(parts) {}

  // Acts on a publish of a service's live session. What is not of its form is logged and has no effect; the
  // service is not told: it is an error of ours. Nobody subscribes to these topics but to replies, so the
  // broker may route all of them.
  void accept(Session& session, Connection connection, const Topic& topic, std::string_view payload,
              Moment now);

 private:
  bool accept_pipe(const PipeTopic& topic, std::string_view payload, Moment now);
  bool accept_blocks(std::string_view payload);
  bool accept_revocations(std::string_view payload, Moment now);
  bool renew_token(Session& session, Connection connection, std::string_view token, Moment now);

  ServiceParts parts_;
};

}  // namespace duet
