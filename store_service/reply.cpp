#include "store_service/reply.h"

#include <spdlog/spdlog.h>

#include "file_io/crash_point.h"
#include "protocol/envelope.h"
#include "protocol/json_codec.h"
#include "protocol/topic.h"

namespace duet {

std::string format_reply(const ReplyTo& to, const Answer& answer) {
  if (!answer) return format_error_reply(to.req, to.method, answer.error());
  return dump({{"req", to.req}, {"method", to.method}, {"result", *answer}});
}

void send_reply(Publisher& publisher, const ReplyTo& to, const Answer& answer, Link::Lane lane) {
  DUET_CRASH_POINT("reply.before");
  const auto result = publisher.publish({.topic = format_topic(DeviceTopic{to.device, DeviceKind::reply, ""}),
                                         .payload = format_reply(to, answer),
                                         .correlation_data = to.correlation_data,
                                         .lane = lane});
  if (result != PublishResult::accepted) spdlog::debug("a reply to {} was not sent", to.method);
}

}  // namespace duet
