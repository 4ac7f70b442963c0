#include "broker_plugin/packet_limit.h"

#include <chrono>
#include <variant>

#include "broker_plugin/refusals.h"
#include "protocol/payload.h"
#include "protocol/topic.h"

namespace duet {
namespace {

// No packet is larger: the broker's own limit for what services and clients publish (max_packet_size).
constexpr std::size_t kLargestPacket = std::size_t{256} * 1024;
constexpr std::chrono::seconds kTellEvery{1};

// A message or a reply. Everything else is small, or the device's own words.
bool is_missed(std::string_view name) {
  const auto topic = parse_topic(name);
  if (!topic) return false;
  if (std::holds_alternative<InTopic>(*topic)) return true;
  const auto* device = std::get_if<DeviceTopic>(&*topic);
  return device != nullptr && device->kind == DeviceKind::reply;
}

}  // namespace

std::optional<std::size_t> packet_limit(const BrokerPort& broker, Connection connection) {
  if (broker.can_receive(connection, kLargestPacket)) return std::nullopt;
  std::size_t received = 0;
  std::size_t dropped = kLargestPacket;
  while (dropped - received > 1) {
    const auto middle = received + (dropped - received) / 2;
    (broker.can_receive(connection, middle) ? received : dropped) = middle;
  }
  return received;
}

std::string with_max_bytes(std::string_view request, std::size_t max_bytes, const PayloadLimits& limits) {
  std::string text(request);
  const auto parsed = parse_request(request, limits);
  if (parsed && parsed->max_bytes) return text;
  return text.insert(text.find('{') + 1, "\"max_bytes\":" + std::to_string(max_bytes) + ",");
}

void tell_oversize(Session& session, std::string_view topic, std::size_t packet_bytes, Moment now,
                   BrokerPort& broker) {
  if (session.oversize_told && now.steady - *session.oversize_told < kTellEvery) return;
  if (!is_missed(topic)) return;
  session.oversize_told = now.steady;
  const Refused refused{
      .refusal = {ErrorCode::too_large, "a packet is larger than this device can receive", packet_bytes}};
  tell_refusal(*session.principal.device(), topic, refused, std::nullopt, broker);
}

}  // namespace duet
