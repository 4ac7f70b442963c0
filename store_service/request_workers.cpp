#include "store_service/request_workers.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "protocol/topic.h"
#include "store_service/delivery.h"
#include "store_service/ingest.h"

namespace duet {
namespace {

Timestamp wall_time() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

BlockUpdate update_of(const Block& block, Method method) {
  BlockUpdate update;
  (method == Method::block ? update.add : update.remove).push_back(block);
  return update;
}

// Runs on the writer's thread, after the commit: first the broker learns, then presence, which replies.
void announce(Publisher& publisher, PresenceQueue& presence, const ReplyTo& to, const BlockUpdate& update) {
  const auto result = publisher.publish(
      {format_topic(ServiceTopic{"store", ServiceKind::blocks}), format_block_update(update)});
  // A new connection begins with all blocks.
  if (result == PublishResult::queue_full) publisher.reconnect();
  presence.push_beyond(BlocksChanged{to, update});  // no more than there were requests
}

// What the last attempt at a consent came to. One thread, the writer's, uses it.
struct Consented {
  bool blocked = false;
  Accepted accepted{};
};

Answer answer_of(const Consented& consented) {
  if (consented.blocked) return Failure<Refusal>(blocked_by_peer());
  if (consented.accepted.outcome == Accepted::Outcome::not_found) return Failure<Refusal>(no_request());
  return nlohmann::json::object();
}

}  // namespace

void refuse_request(Publisher& publisher, const RawRequest& request, const PayloadLimits& limits) {
  const auto payload = parse_request(request.payload, limits);
  const std::string req = payload ? payload->req : payload.error().req;
  send_reply(publisher, {request.device, request.method, req, request.correlation_data}, unavailable());
}

RequestWorkers::RequestWorkers(Database& database, const Neighbours& neighbours, PayloadLimits limits,
                               Counters& counters)
    : epoch_(database.epoch()), neighbours_(neighbours), limits_(limits), counters_(counters) {
  for (std::size_t i = 0; i < kReaderThreads; ++i) {
    threads_.emplace_back(
        [this, reader = database.reader()](const std::stop_token& stop) { run(*reader, stop); });
  }
}

void RequestWorkers::run(StoreReader& reader, const std::stop_token& stop) {
  while (const auto task = neighbours_.requests.pop(stop)) {
    std::visit([&](const auto& one) { handle(reader, one); }, *task);
  }
}

// Who may not hear of the other is left out without a word; presence, which knows the blocks, sends the rest.
void RequestWorkers::handle(StoreReader& reader, const TypingNotice& notice) {
  try {
    if (reader.consent(notice.from, notice.to) != Consent::given) return;
  } catch (const StoreError& error) {
    spdlog::debug("typing cannot be passed on: {}", error.what());
    return;
  }
  if (!neighbours_.presence.push(notice)) spdlog::debug("no room for typing");
}

// What cannot be answered is not: the bridge asks again.
void RequestWorkers::handle(StoreReader& reader, const RawPushCheck& raw) {
  const auto check = parse_push_check(raw.payload);
  if (!check) return spdlog::error("a check of push cannot be read");
  try {
    const PushCheckAnswer answer{check->req, reader.push_standings(check->of, wall_time())};
    neighbours_.publisher.publish(
        {format_topic(ServiceTopic{"store", ServiceKind::check}), format_push_check_answer(answer)});
  } catch (const StoreError& error) {
    spdlog::error("a check of push cannot be answered: {}", error.what());
  }
}

void RequestWorkers::handle(StoreReader& reader, const RawRequest& raw) {
  ++counters_.requests;
  const auto request = parse_request(raw.payload, limits_);
  const ReplyTo to{raw.device, raw.method, request ? request->req : request.error().req, raw.correlation_data,
                   request ? request->max_bytes : std::nullopt};
  if (!request) return reply(to, Failure<Refusal>(request.error().refusal));
  try {
    answer(reader, to, *request);
  } catch (const StoreError& error) {
    spdlog::error("{} cannot be answered: {}", to.method, error.what());
    reply(to, unavailable());
  }
}

void RequestWorkers::answer(StoreReader& reader, const ReplyTo& to, const RequestPayload& request) {
  const auto method = parse_method(to.method);
  const UserId& me = to.device.user;
  if (!method) return reply(to, refuse(ErrorCode::unknown_method, "there is no such method"));
  switch (*method) {
    case Method::history:
      return reply_in_bulk(to, answer_history(reader, me, request, page_limits(to)));
    case Method::conversations:
      return reply_in_bulk(to,
                           answer_conversations(reader, epoch_, me, request, wall_time(), page_limits(to)));
    case Method::sync:
      return reply_in_bulk(to, answer_sync(reader, epoch_, me, request, page_limits(to)));
    case Method::blocks:
      return reply(to, answer_blocks(reader, me));
    case Method::presence:
      return pass_presence(reader, to, request);
    case Method::block:
    case Method::unblock:
      return pass_block(reader, to, request, *method);
    case Method::devices:
      return pass_devices(reader, to);
    case Method::accept:
      return pass_accept(to, request);
    case Method::mute:
    case Method::unmute:
      return pass_mute(to, request, *method);
  }
}

void RequestWorkers::pass_presence(StoreReader& reader, const ReplyTo& to, const RequestPayload& request) {
  const auto peer = peer_of(to.device.user, request);
  if (!peer) return reply(to, Failure<Refusal>(peer.error()));
  const auto consent = reader.consent(to.device.user, *peer);
  if (!consent || *consent == Consent::waits_for_peer) {
    return reply(to, Failure<Refusal>(no_presence()));
  }
  to_presence(to, WatchRequest{to, *peer, reader.last_seen(*peer)});
}

void RequestWorkers::pass_devices(StoreReader& reader, const ReplyTo& to) {
  to_presence(to, DevicesRequest{to, reader.devices(to.device.user)});
}

void RequestWorkers::to_presence(const ReplyTo& to, PresenceEvent event) {
  if (!neighbours_.presence.push(std::move(event))) reply(to, unavailable());
}

void RequestWorkers::pass_block(StoreReader& reader, const ReplyTo& to, const RequestPayload& request,
                                Method method) {
  const auto peer = peer_of(to.device.user, request);
  if (!peer) return reply(to, Failure<Refusal>(peer.error()));
  const Block block{to.device.user, *peer};
  if (method == Method::block && !reader.is_blocked(block) &&
      reader.blocked_by(block.blocker).size() >= kMaxBlocks) {
    return reply(to, refuse(ErrorCode::too_large,
                            "no more than " + std::to_string(kMaxBlocks) + " users can be blocked"));
  }
  WriteJob job;
  job.apply = [block, method](WriteTransaction& transaction) {
    method == Method::block ? transaction.block(block) : transaction.unblock(block);
  };
  job.on_committed = [to, update = update_of(block, method), &publisher = neighbours_.publisher,
                      &presence = neighbours_.presence] { announce(publisher, presence, to, update); };
  job.on_failed = [to, &publisher = neighbours_.publisher] { send_reply(publisher, to, unavailable()); };
  if (!neighbours_.writes.push_job(std::move(job))) reply(to, unavailable());
}

void RequestWorkers::pass_mute(const ReplyTo& to, const RequestPayload& request, Method method) {
  const UserId& me = to.device.user;
  const auto peer = peer_of(me, request);
  if (!peer) return reply(to, Failure<Refusal>(peer.error()));
  const auto found = std::make_shared<bool>(false);  // the writer's thread alone uses it
  WriteJob job;
  job.apply = [found, me, peer = *peer, mute = Mute{request.until}, method](WriteTransaction& transaction) {
    *found = method == Method::mute ? transaction.mute(me, peer, mute) : transaction.unmute(me, peer);
  };
  job.on_committed = [found, to, &publisher = neighbours_.publisher] {
    send_reply(publisher, to,
               *found ? Answer(nlohmann::json::object()) : Answer(Failure<Refusal>(no_conversation())));
  };
  job.on_failed = [to, &publisher = neighbours_.publisher] { send_reply(publisher, to, unavailable()); };
  if (!neighbours_.writes.push_job(std::move(job))) reply(to, unavailable());
}

void RequestWorkers::pass_accept(const ReplyTo& to, const RequestPayload& request) {
  const UserId& me = to.device.user;
  const auto peer = peer_of(me, request);
  if (!peer) return reply(to, Failure<Refusal>(peer.error()));
  const auto outcome = std::make_shared<Consented>();
  WriteJob job;
  job.apply = [outcome, me, peer = *peer](WriteTransaction& transaction) {
    outcome->blocked = transaction.standing(me, peer).blocked;
    outcome->accepted =
        outcome->blocked ? Accepted{Accepted::Outcome::not_found} : transaction.accept(me, peer);
  };
  job.tell = [outcome, me, peer = *peer, epoch = epoch_](std::vector<OutgoingDelivery>& out) {
    if (const auto& released = outcome->accepted.released) add_released(me, peer, *released, epoch, out);
  };
  job.on_committed = [outcome, to, &publisher = neighbours_.publisher] {
    send_reply(publisher, to, answer_of(*outcome));
  };
  job.on_failed = [to, &publisher = neighbours_.publisher] { send_reply(publisher, to, unavailable()); };
  if (!neighbours_.writes.push_job(std::move(job))) reply(to, unavailable());
}

}  // namespace duet
