// protocol/packet_size.h: how large the packets are that carry what the platform tells its clients.
#pragma once

#include <cstddef>

namespace duet {

// The most bytes of a PUBLISH packet of MQTT 5 (3.3) with this topic and payload: QoS 1, a Subscription
// Identifier, and Correlation Data if `correlation_bytes` is not 0.
constexpr std::size_t max_publish_bytes(std::size_t topic_bytes, std::size_t payload_bytes,
                                        std::size_t correlation_bytes = 0) {
  constexpr std::size_t kFixedHeader = 1 + 4;  // with the longest Remaining Length
  constexpr std::size_t kTopicLength = 2;
  constexpr std::size_t kPacketIdentifier = 2;
  constexpr std::size_t kPropertyLength = 3;
  constexpr std::size_t kSubscriptionIdentifier = 1 + 4;
  constexpr std::size_t kCorrelationHeader = 1 + 2;
  return kFixedHeader + kTopicLength + topic_bytes + kPacketIdentifier + kPropertyLength +
         kSubscriptionIdentifier + (correlation_bytes > 0 ? kCorrelationHeader + correlation_bytes : 0) +
         payload_bytes;
}

}  // namespace duet
