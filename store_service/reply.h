// store_service/reply.h: how requests are answered (docs/protocol.md section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "protocol/error_code.h"
#include "protocol/names.h"
#include "protocol/result.h"
#include "store_service/publisher.h"

namespace duet {

// The `result` of a reply, or its `error`.
using Answer = Result<nlohmann::json, Refusal>;

// Which question a reply answers.
struct ReplyTo {
  Device device;
  std::string method;
  std::string req;
  std::string correlation_data;                           // MQTT 5 3.3.2.3.6, echoed
  std::optional<std::uint64_t> max_bytes = std::nullopt;  // the largest packet that the device can receive
};

// How large the packet is, at most, that carries this reply.
std::size_t reply_packet_bytes(const ReplyTo& to, std::size_t payload_bytes);

std::string format_reply(const ReplyTo& to, const Answer& answer);
// The same, or `too_large` if the packet would be larger than `to.max_bytes`.
std::string format_reply_that_fits(const ReplyTo& to, const Answer& answer);

// Publishes the reply. In place of one that is larger than `to.max_bytes`, the device is told `too_large` and
// the least packet that the reply takes. A reply that finds no connection is lost: its device has lost it
// too. The bulk lane is for what is read from the database, page by page: what happens now does not wait
// behind it.
void send_reply(Publisher& publisher, const ReplyTo& to, const Answer& answer,
                Link::Lane lane = Link::Lane::normal);

inline Failure<Refusal> unavailable() {
  return refuse(ErrorCode::unavailable, "the request could not be served now, try again later");
}

}  // namespace duet
