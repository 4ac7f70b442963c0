#include "broker_plugin/intake.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "file_io/crash_point.h"
#include "protocol/payload.h"
#include "protocol/service_payload.h"

namespace duet {
namespace {

Refused rate_limited(std::chrono::milliseconds wait) {
  return {.refusal = {ErrorCode::rate_limited, "too many publishes in a short time"}, .retry_after = wait};
}

// A rate of messages is one of bytes as well: a payload counts once for each 64 KiB that it begins.
double cost_of(std::string_view payload) {
  constexpr std::size_t kBytesOfOne = std::size_t{64} * 1024;
  return static_cast<double>(std::max<std::size_t>(1, (payload.size() + kBytesOfOne - 1) / kBytesOfOne));
}

Refused unavailable(std::string message) {
  return {.refusal = {ErrorCode::unavailable, std::move(message)}};
}

}  // namespace

Intake::Intake(const Options& options, IntakeParts parts)
    : limits_(options.payload),
      parts_(parts),
      messages_(options.rates.messages),
      requests_(options.rates.requests),
      events_(options.rates.device_events) {}

std::optional<Refused> Intake::accept(Session& session, const Topic& topic, std::string_view payload,
                                      Moment now) {
  if (const auto* out = std::get_if<OutTopic>(&topic)) return accept_out(session, *out, payload, now);
  if (const auto* device = std::get_if<DeviceTopic>(&topic)) {
    return accept_device(session, *device, payload, now);
  }
  return Refused{.refusal = {ErrorCode::not_authorized, "this is not for clients"}};
}

bool Intake::events_used_up(const Session& session, Moment now) {
  return events_.take(session.client_id, now.steady).has_value();
}

std::optional<Refused> Intake::accept_out(const Session& session, const OutTopic& topic,
                                          std::string_view payload, Moment now) {
  const Device& device = *session.principal.device();
  if (topic.kind == OutKind::message) return accept_message(device, topic, payload, now);

  if (const auto wait = events_.take(session.client_id, now.steady)) return rate_limited(*wait);
  if (topic.kind == OutKind::receipt) {
    if (auto receipt = parse_receipt(payload, limits_); !receipt) {
      return Refused{.refusal = std::move(receipt).error()};
    }
    if (auto refusal = unwelcome(topic)) return Refused{.refusal = *std::move(refusal)};
    return append(RecordKind::receipt, device, topic, payload, now);
  }
  auto typing = parse_typing(payload, limits_);
  if (!typing) return Refused{.refusal = std::move(typing).error()};
  if (auto refusal = unwelcome(topic)) return Refused{.refusal = *std::move(refusal)};
  parts_.typing.device_stated(session, topic.peer, *typing, now);
  return std::nullopt;
}

std::optional<Refused> Intake::accept_message(const Device& device, const OutTopic& topic,
                                              std::string_view payload, Moment now) {
  const auto refused = [&](Refused why) {
    // Read only now: an accepted message is not parsed twice.
    if (payload.size() <= limits_.message_payload_bytes) why.id = find_message_id(payload);
    return why;
  };
  if (const auto wait = messages_.take(topic.me, now.steady, cost_of(payload))) {
    return refused(rate_limited(*wait));
  }
  if (auto message = parse_message(payload, limits_); !message) {
    return refused({.refusal = std::move(message).error()});
  }
  if (auto refusal = unwelcome(topic)) return refused({.refusal = *std::move(refusal)});
  if (auto failed = append(RecordKind::message, device, topic, payload, now)) {
    return refused(*std::move(failed));
  }
  return std::nullopt;
}

std::optional<Refusal> Intake::unwelcome(const OutTopic& topic) const {
  if (topic.me == topic.peer) return Refusal{ErrorCode::malformed, "a conversation has two users"};
  if (parts_.blocks.blocks(topic.peer, topic.me))
    return Refusal{ErrorCode::blocked, "the peer has blocked you"};
  return std::nullopt;
}

std::optional<Refused> Intake::append(RecordKind kind, const Device& device, const OutTopic& topic,
                                      std::string_view payload, Moment now) {
  const auto appended =
      parts_.pipes.of(topic.me, topic.peer)
          .journal.append({0, now.wall, kind, topic.me, device.device, topic.peer, payload});
  // A full disk must not be filled with complaints: only the change is told.
  const bool failed_before = journal_failure_.has_value();
  if (appended) {
    journal_failure_.reset();
    DUET_CRASH_POINT("intake.appended");
    if (failed_before) parts_.broker.log(LogLevel::notice, "journal: publishes are accepted again");
    return std::nullopt;
  }
  journal_failure_ = {.why = appended.error(), .at = now.steady};
  if (!failed_before)
    parts_.broker.log(LogLevel::error, "journal: publishes are refused: " + appended.error());
  return unavailable("the message cannot be stored at the moment");
}

std::optional<Refused> Intake::accept_device(Session& session, const DeviceTopic& topic,
                                             std::string_view payload, Moment now) {
  if (topic.kind == DeviceKind::request) return accept_request(session, payload, now);
  if (const auto wait = events_.take(session.client_id, now.steady)) return rate_limited(*wait);
  if (topic.kind == DeviceKind::push) return accept_push(payload);
  auto state = parse_presence(payload, limits_);
  if (!state) return Refused{.refusal = std::move(state).error()};
  parts_.presence.device_stated(session, *state);
  return std::nullopt;
}

std::optional<Refused> Intake::accept_request(const Session& session, std::string_view payload, Moment now) {
  const auto wait = requests_.take(session.client_id, now.steady);
  auto request = parse_request(payload, limits_);
  const auto refused = [&](Refused why) {
    why.req = request ? request->req : request.error().req;
    return why;
  };
  if (wait) return refused(rate_limited(*wait));
  if (!request) return refused({.refusal = request.error().refusal});
  if (!parts_.services.serves_requests()) return refused(unavailable("the store is not connected"));
  return std::nullopt;
}

std::optional<Refused> Intake::accept_push(std::string_view payload) const {
  if (auto push = parse_push(payload, limits_); !push) return Refused{.refusal = std::move(push).error()};
  if (!parts_.services.serves_push()) return unavailable("nobody takes push registrations at the moment");
  return std::nullopt;
}

}  // namespace duet
