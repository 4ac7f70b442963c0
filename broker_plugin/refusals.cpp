#include "broker_plugin/refusals.h"

#include <variant>

#include "protocol/envelope.h"

namespace duet {
namespace {

// A device need not be told a longer topic than it could ever have meant. Shorter ones are told as they are:
// the broker takes nothing but UTF-8 for a topic name.
constexpr std::size_t kMaxToldTopicBytes = 1024;

void answer_request(const Device& device, std::string_view topic, const Refused& refused,
                    std::optional<std::string_view> correlation, BrokerPort& broker) {
  const auto parsed = parse_topic(topic);
  const auto* request = parsed ? std::get_if<DeviceTopic>(&*parsed) : nullptr;
  if (request == nullptr || request->kind != DeviceKind::request) return;
  broker.publish({.topic = format_topic(DeviceTopic{device, DeviceKind::reply, {}}),
                  .payload = format_error_reply(refused.req, request->method, refused.refusal),
                  .correlation = correlation});
}

}  // namespace

void tell_refusal(const Device& device, std::string_view topic, const Refused& refused,
                  std::optional<std::string_view> correlation, BrokerPort& broker) {
  ErrorEvent event{refused.refusal, {}, refused.id, refused.retry_after};
  if (topic.size() <= kMaxToldTopicBytes) event.topic = topic;
  broker.publish({format_topic(DeviceTopic{device, DeviceKind::error, {}}), format_error(event)});
  if (!refused.req.empty()) answer_request(device, topic, refused, correlation, broker);
}

}  // namespace duet
