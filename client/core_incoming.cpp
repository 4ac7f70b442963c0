// What the broker brings, in the core's thread.

#include <variant>

#include "client/core.h"
#include "protocol/topic.h"

namespace duet {

void Client::Core::on_incoming(const std::string& topic, const std::string& payload) {
  const auto parsed = parse_topic(topic);
  if (!parsed) return;
  if (const auto* in = std::get_if<InTopic>(&*parsed)) return on_inbox_message(*in, payload);
  const auto* device = std::get_if<DeviceTopic>(&*parsed);
  if (device == nullptr) return;
  if (device->kind == DeviceKind::reply) {
    if (auto answered = requests_.reply(payload, std::chrono::steady_clock::now()))
      answered->handler(std::move(answered->answer));
  } else if (device->kind == DeviceKind::error) {
    if (const auto error = parse_error(payload)) on_error(*error);
  }
}

void Client::Core::on_inbox_message(const InTopic& topic, const std::string& payload) {
  switch (topic.kind) {
    case InKind::message:
      if (!options_.follow) return;
      if (const auto envelope = parse_envelope(payload)) follower_.on_message(topic.peer, *envelope);
      on_typing(topic.peer, false);  // the peer has sent what was typed
      return;
    case InKind::sent:
      if (const auto envelope = parse_envelope(payload)) on_sent(topic.peer, *envelope);
      return;
    case InKind::receipt:
      if (!options_.follow) return;
      if (const auto receipt = parse_receipt_event(payload)) follower_.on_receipt(topic.peer, *receipt);
      return;
    case InKind::typing:
      if (const auto typing = parse_typing(payload, {})) on_typing(topic.peer, *typing);
      return;
    case InKind::presence:
      if (const auto presence = parse_peer_presence(payload); presence && handlers_.on_presence)
        handlers_.on_presence(topic.peer, *presence);
      return;
  }
}

void Client::Core::on_typing(const UserId& peer, bool typing) {
  const bool news = typing_.said(peer, typing, std::chrono::steady_clock::now());
  if (news && handlers_.on_typing) handlers_.on_typing(peer, typing);
}

void Client::Core::tell_stopped_typing(const std::vector<UserId>& peers) {
  if (!handlers_.on_typing) return;
  for (const UserId& peer : peers) handlers_.on_typing(peer, false);
}

void Client::Core::on_sent(const UserId& peer, const Envelope& envelope) {
  if (options_.follow) return follower_.on_sent(peer, envelope);
  if (take_from_outbox(envelope.id) && handlers_.on_sent) handlers_.on_sent(envelope);
}

void Client::Core::on_error(const ErrorEvent& error) {
  const auto topic = parse_topic(error.topic);
  const auto* out = topic ? std::get_if<OutTopic>(&*topic) : nullptr;
  if (error.id) {
    std::optional<OutboxPosition> removed;
    keep([&] {
      const auto position = outbox_.position_of(*error.id);
      if (position && !refused_for_now(error.refusal.code)) database_.remove(*position);
      removed = outbox_.refused(*error.id, error, std::chrono::steady_clock::now());
    });
    if (removed && handlers_.on_refused) handlers_.on_refused(*error.id, error.refusal);
    return;
  }
  if (out != nullptr && out->kind == OutKind::receipt) {
    follower_.receipts().refused(out->peer, error, std::chrono::steady_clock::now());
    if (refused_for_now(error.refusal.code)) return;
  }
  const auto* device = topic ? std::get_if<DeviceTopic>(&*topic) : nullptr;
  if (device != nullptr && device->kind == DeviceKind::push) {
    if (refused_for_now(error.refusal.code)) {
      push_.refused_for_now(std::chrono::steady_clock::now());
    } else {
      push_.refused_for_good();
    }
  }
  if (handlers_.on_error) handlers_.on_error(error);
}

bool Client::Core::take_from_outbox(const MessageId& id) {
  bool taken = false;
  keep([&] {
    if (const auto position = outbox_.position_of(id)) database_.remove(*position);
    taken = outbox_.stored(id).has_value();
  });
  return taken;
}

}  // namespace duet
