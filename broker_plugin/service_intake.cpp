#include "broker_plugin/service_intake.h"

#include <string>
#include <variant>

#include "broker_plugin/fanout.h"
#include "protocol/service_payload.h"

namespace duet {

void ServiceIntake::accept(Session& session, Connection connection, const Topic& topic,
                           std::string_view payload, Moment now) {
  bool understood = true;
  if (const auto* pipe = std::get_if<PipeTopic>(&topic)) {
    understood = accept_pipe(*pipe, payload, now);
  } else if (const auto* service = std::get_if<ServiceTopic>(&topic)) {
    if (service->kind == ServiceKind::blocks) understood = accept_blocks(payload);
    if (service->kind == ServiceKind::revocations) understood = accept_revocations(payload, now);
    if (service->kind == ServiceKind::token) understood = renew_token(session, connection, payload, now);
  }
  if (!understood) {
    parts_.broker.log(LogLevel::error, session.client_id + " published to " + format_topic(topic) +
                                           " what is not of its form");
  }
}

bool ServiceIntake::accept_pipe(const PipeTopic& topic, std::string_view payload, Moment now) {
  Pipe* pipe = parts_.pipes.find(topic.partition);
  if (pipe == nullptr) return false;
  if (topic.kind == PipeKind::deliver) return fan_out(payload, parts_.broker);
  const auto control = parse_ingest_control(payload);
  if (topic.kind != PipeKind::control || !control) return false;
  pipe->feeder.on_control(*control, now.steady);
  return true;
}

bool ServiceIntake::accept_blocks(std::string_view payload) {
  const auto update = parse_block_update(payload);
  if (update) parts_.blocks.apply(*update);
  return update.has_value();
}

bool ServiceIntake::accept_revocations(std::string_view payload, Moment now) {
  const auto update = parse_revocation_update(payload);
  if (!update) return false;
  parts_.revocations.apply(*update, now.wall - parts_.tokens.rules().clock_skew);
  for (const Revocation& revocation : update->add) {
    parts_.sessions.end_where(revocation.user, [this](const Principal& principal) {
      return parts_.revocations.list().revokes(*principal.device(), principal.issued_at());
    });
  }
  return true;
}

bool ServiceIntake::renew_token(Session& session, Connection connection, std::string_view token, Moment now) {
  const auto claims = parts_.tokens.verify(token, now.wall);
  if (!claims) {
    parts_.broker.log(LogLevel::warning, "the new token of " + session.client_id +
                                             " is refused: " + std::string(to_string(claims.error())));
    return true;
  }
  // A token for another service, or another instance, does not keep this connection alive.
  const auto principal = principal_for(*claims, session.client_id);
  if (!principal || principal->role() != session.principal.role()) return false;
  parts_.sessions.extend(session, connection, claims->expires_at + parts_.tokens.rules().clock_skew);
  return true;
}

}  // namespace duet
