#include "store_service/presence_worker.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>
#include <variant>

#include "protocol/json_codec.h"
#include "protocol/topic.h"
#include "store_service/delivery.h"
#include "store_service/partition.h"
#include "store_service/requests.h"

namespace duet {
namespace {

Moment present() {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

}  // namespace

PresenceWorker::PresenceWorker(Database& database, PresenceQueue& queue, WriteQueue& writes,
                               Publisher& publisher, PresenceOptions options)
    : queue_(queue), writes_(writes), publisher_(publisher), options_(options), presence_(options.debounce) {
  BlockUpdate all{true, {}, {}};
  database.reader()->for_each_block([&](const Block& block) { all.add.push_back(block); });
  presence_.apply(all);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PresenceWorker::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto deadline = presence_.next_deadline();
    auto event = deadline ? queue_.pop_until(stop, *deadline) : queue_.pop(stop);
    if (event) std::visit([this](auto& one) { handle(one); }, *event);
    auto settled = presence_.settle(present());
    if (!settled.updates.empty()) tell(std::move(settled.updates));
    if (!settled.devices.empty()) store(std::move(settled.devices));
  }
}

void PresenceWorker::handle(const StateChange& event) {
  presence_.set_state(event.device, event.state, present());
}

void PresenceWorker::handle(const PresenceSnapshot& event) {
  presence_.apply(event, present());
}

void PresenceWorker::handle(const WatchRequest& event) {
  const auto answer = presence_.watch(event.reply.device, event.peer, event.last_seen, present());
  send_reply(publisher_, event.reply, answer ? Answer(to_json(*answer)) : Failure<Refusal>(no_presence()));
}

void PresenceWorker::handle(DevicesRequest& event) {
  send_reply(publisher_, event.reply,
             answer_devices(std::move(event.rows), presence_.online_devices(event.reply.device.user),
                            present().wall));
}

void PresenceWorker::handle(const BlocksChanged& event) {
  presence_.apply(event.update);
  send_reply(publisher_, event.reply, nlohmann::json::object());
}

void PresenceWorker::handle(const UpdatesLost& event) {
  presence_.lost(event.updates);
}

void PresenceWorker::handle(const TypingNotice& notice) {
  if (presence_.blocks({notice.to, notice.from})) return;
  std::vector<OutgoingDelivery> deliveries;
  add_typing(notice, deliveries);
  for (auto& frame : pack_deliveries(deliveries)) {
    publisher_.publish({format_topic(PipeTopic{kPartition, PipeKind::deliver}), std::move(frame.bytes)});
  }
}

void PresenceWorker::tell(std::vector<Presence::Update> updates) {
  std::vector<OutgoingDelivery> deliveries;
  for (const auto& update : updates) {
    add_presence(update.watcher, update.peer, update.presence, deliveries);
  }
  const auto told = std::make_shared<std::vector<Presence::Update>>(std::move(updates));
  for (auto& frame : pack_deliveries(deliveries)) {
    const auto on_done = [told, &queue = queue_](bool ok) {
      if (!ok && !queue.push(UpdatesLost{*told})) spdlog::error("presence updates are lost");
    };
    const auto result = publisher_.publish(
        {format_topic(PipeTopic{kPartition, PipeKind::deliver}), std::move(frame.bytes)}, on_done);
    if (result != PublishResult::accepted) presence_.lost(*told);
  }
}

void PresenceWorker::store(std::vector<WriteTransaction::DeviceChange> devices) {
  const bool queued = writes_.push_job(
      {[devices = std::move(devices), max = options_.devices_per_user](WriteTransaction& transaction) {
         for (const auto& device : devices) transaction.touch_device(device, max);
       },
       {},
       {}});
  if (!queued) spdlog::error("the writer has too much to do: it is not stored when devices were seen");
}

}  // namespace duet
