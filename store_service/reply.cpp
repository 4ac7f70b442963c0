#include "store_service/reply.h"

#include <spdlog/spdlog.h>

#include "file_io/crash_point.h"
#include "protocol/envelope.h"
#include "protocol/json_codec.h"
#include "protocol/packet_size.h"
#include "protocol/topic.h"

namespace duet {

std::string format_reply(const ReplyTo& to, const Answer& answer) {
  if (!answer) return format_error_reply(to.req, to.method, answer.error());
  return dump({{"req", to.req}, {"method", to.method}, {"result", *answer}});
}

std::size_t reply_packet_bytes(const ReplyTo& to, std::size_t payload_bytes) {
  const auto topic = format_topic(DeviceTopic{to.device, DeviceKind::reply, ""});
  return max_publish_bytes(topic.size(), payload_bytes, to.correlation_data.size());
}

std::string format_reply_that_fits(const ReplyTo& to, const Answer& answer) {
  auto payload = format_reply(to, answer);
  const auto bytes = reply_packet_bytes(to, payload.size());
  if (!to.max_bytes || bytes <= *to.max_bytes) return payload;
  return format_error_reply(to.req, to.method,
                            {ErrorCode::too_large, "the reply is larger than 'max_bytes'", bytes});
}

void send_reply(Publisher& publisher, const ReplyTo& to, const Answer& answer, Link::Lane lane) {
  DUET_CRASH_POINT("reply.before");
  const auto result = publisher.publish({.topic = format_topic(DeviceTopic{to.device, DeviceKind::reply, ""}),
                                         .payload = format_reply_that_fits(to, answer),
                                         .correlation_data = to.correlation_data,
                                         .lane = lane});
  if (result != PublishResult::accepted) spdlog::debug("a reply to {} was not sent", to.method);
}

}  // namespace duet
