// store_service/request_workers.h: the threads that answer requests.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "protocol/payload.h"
#include "protocol/service_payload.h"
#include "service/bounded_queue.h"
#include "store_service/counters.h"
#include "store_service/presence_queue.h"
#include "store_service/publisher.h"
#include "store_service/requests.h"
#include "store_service/store.h"
#include "store_service/write_queue.h"

namespace duet {

// A request as it came.
struct RawRequest {
  Device device;
  std::string method;
  std::string payload;
  std::string correlation_data;
};
// A question of the push bridge, as it came.
struct RawPushCheck {
  std::string payload;
};
// What waits for a reader: a request, typing that is passed on if the two have agreed to talk, or a check of
// push.
using ReaderTask = std::variant<RawRequest, TypingNotice, RawPushCheck>;
using RequestQueue = BoundedQueue<ReaderTask>;

inline constexpr std::size_t kMaxRequests = 10'000;
inline constexpr std::size_t kReaderThreads = 2;

// Answers without looking at the database: there is no room for the request.
void refuse_request(Publisher& publisher, const RawRequest& request, const PayloadLimits& limits);

// Each thread has its own reader. What it can read it answers; a block, mute or consent goes to the writer,
// and what needs to know who is online to the presence worker, which then answer. Everything referred to
// outlives it.
class RequestWorkers {
 public:
  struct Neighbours {
    RequestQueue& requests;
    WriteQueue& writes;
    PresenceQueue& presence;
    Publisher& publisher;
  };

  // Throws StoreError.
  RequestWorkers(Database& database, const Neighbours& neighbours, PayloadLimits limits, Counters& counters);
  RequestWorkers(const RequestWorkers&) = delete;
  RequestWorkers& operator=(const RequestWorkers&) = delete;

 private:
  void run(StoreReader& reader, const std::stop_token& stop);
  void handle(StoreReader& reader, const RawRequest& raw);
  void handle(StoreReader& reader, const TypingNotice& notice);
  void handle(StoreReader& reader, const RawPushCheck& raw);
  void answer(StoreReader& reader, const ReplyTo& to, const RequestPayload& request);
  void pass_presence(StoreReader& reader, const ReplyTo& to, const RequestPayload& request);
  void pass_block(StoreReader& reader, const ReplyTo& to, const RequestPayload& request, Method method);
  void pass_mute(const ReplyTo& to, const RequestPayload& request, Method method);
  void pass_accept(const ReplyTo& to, const RequestPayload& request);
  void pass_devices(StoreReader& reader, const ReplyTo& to);
  void to_presence(const ReplyTo& to, PresenceEvent event);
  void reply(const ReplyTo& to, const Answer& answer) { send_reply(neighbours_.publisher, to, answer); }
  void reply_in_bulk(const ReplyTo& to, const Answer& answer) {
    send_reply(neighbours_.publisher, to, answer, Link::Lane::bulk);
  }

  const std::string epoch_;
  const Neighbours neighbours_;
  const PayloadLimits limits_;
  Counters& counters_;
  std::vector<std::jthread> threads_;  // last: they end before the rest goes
};

}  // namespace duet
