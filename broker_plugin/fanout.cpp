#include "broker_plugin/fanout.h"

#include <string>
#include <variant>

#include "file_io/crash_point.h"
#include "protocol/frame.h"
#include "protocol/topic.h"

namespace duet {
namespace {

// The broker does not look at topics that a plugin publishes: a wildcard would reach its topic tree.
bool received_by_a_device(std::string_view name) {
  const auto topic = parse_topic(name);
  if (!topic) return false;
  if (std::holds_alternative<InTopic>(*topic)) return true;
  const auto* device = std::get_if<DeviceTopic>(&*topic);
  return device != nullptr && (device->kind == DeviceKind::reply || device->kind == DeviceKind::error);
}

}  // namespace

bool fan_out(std::string_view frame, BrokerPort& broker) {
  DUET_CRASH_POINT("fanout.before");
  const auto deliveries = decode_deliver_frame(frame);
  if (!deliveries) return false;
  for (const auto& delivery : *deliveries) {
    if (&delivery != &deliveries->front()) DUET_CRASH_POINT("fanout.between");
    if (!received_by_a_device(delivery.topic)) {
      broker.log(LogLevel::error, "a deliver frame names the topic " + std::string(delivery.topic));
      continue;
    }
    const Qos qos = delivery.qos == 0 ? Qos::at_most_once : Qos::at_least_once;
    broker.publish({.topic = delivery.topic, .payload = delivery.payload, .qos = qos});
  }
  DUET_CRASH_POINT("fanout.after");
  return true;
}

}  // namespace duet
