#include "bench/participant.h"

#include <sys/epoll.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "protocol/payload.h"

namespace duet {
namespace {

using nlohmann::json;

// As mqtt_link and the client library have them.
constexpr std::chrono::milliseconds kFirstBackoff{100};
constexpr std::chrono::milliseconds kMaxBackoff{5000};
constexpr std::chrono::seconds kConnectTimeout{10};
constexpr std::chrono::milliseconds kFirstAgain{5000};  // a question without an answer
constexpr std::chrono::milliseconds kFirstRetry{1000};  // one that was refused for now
constexpr std::chrono::milliseconds kMaxAgain{30'000};
constexpr std::uint64_t kSyncLimit = 200;

constexpr MqttVersion kMqttVersion = MqttVersion::v3_1_1;

}  // namespace

Participant::Participant(std::size_t index, ParticipantSpec spec, const Endpoint& endpoint)
    : index_(index),
      spec_(std::move(spec)),
      endpoint_(endpoint),
      wake_at_(Clock::time_point::max()),
      backoff_(kFirstBackoff),
      random_(static_cast<std::minstd_rand::result_type>(index + 1)) {}

void Participant::on_time(Clock::time_point now) {
  switch (stage_) {
    case Stage::away:
      return connect(now);
    case Stage::connecting:
      return end();
    case Stage::connected:
      ask(now + std::exchange(again_, std::min(again_ * 2, kMaxAgain)));
      return flush();
    case Stage::live:
      encode_pingreq(connection_.output());
      wake_at_ = now + ping_interval();
      return flush();
  }
}

void Participant::connect(Clock::time_point now) {
  ++attempts_;
  stage_ = Stage::connecting;
  wake_at_ = now + kConnectTimeout;
  if (!connection_.open(endpoint_)) return end();
  encode_connect(spec_.client.connect, kMqttVersion, connection_.output());
}

void Participant::end() {
  connection_.close();
  const auto now = Clock::now();
  if (stage_ >= Stage::connected) {
    ++lost_;
    if (now - connected_at_ >= kMaxBackoff) backoff_ = kFirstBackoff;
  } else {
    ++failed_;
  }
  stage_ = Stage::away;
  unacknowledged_.clear();
  wake_at_ = now + next_delay();
}

void Participant::flush() {
  if (!reading_ && !connection_.flush()) end();
}

void Participant::on_events(std::uint32_t epoll_events, std::span<char> scratch, ParticipantSink& sink) {
  if ((epoll_events & EPOLLOUT) != 0 && !connection_.on_writable()) return end();
  if ((epoll_events & ~std::uint32_t{EPOLLOUT}) != 0) {
    const auto take = [&](std::string_view bytes) { return take_packets(bytes, sink); };
    reading_ = true;
    const bool good = connection_.read(scratch, take);
    reading_ = false;
    if (!good) return end();
    flush();
  }
}

std::size_t Participant::take_packets(std::string_view bytes, ParticipantSink& sink) {
  std::size_t used = 0;
  while (const auto packet = next_packet(bytes.substr(used))) {
    handle(*packet, sink);
    used += packet->bytes;
  }
  return used;
}

void Participant::handle(const Packet& packet, ParticipantSink& sink) {
  switch (packet.type) {
    case PacketType::connack:
      return handle_connack(packet);
    case PacketType::suback:
      return handle_suback(packet);
    case PacketType::publish:
      return handle_publish(packet, sink);
    case PacketType::puback:
      return handle_puback(packet, sink);
    case PacketType::pingresp:
      return;
    default:
      throw std::runtime_error("the broker sent a packet of type " +
                               std::to_string(static_cast<unsigned>(packet.type)));
  }
}

void Participant::handle_connack(const Packet& packet) {
  if (const auto code = connack_code(packet); code != 0) {
    ++refused_;
    throw std::runtime_error("CONNECT was refused with code " + std::to_string(code));
  }
  encode_subscribe(next_packet_id({}), spec_.client.filters, kMqttVersion, connection_.output());
  unacknowledged_.pop_back();  // a SUBACK answers, no PUBACK
}

void Participant::handle_suback(const Packet& packet) {
  if (suback_code(packet, kMqttVersion) >= 0x80) throw std::runtime_error("a subscription was refused");
  stage_ = Stage::connected;
  connected_at_ = Clock::now();
  publish_other(spec_.client.connect.will_topic, format_presence(DeviceState::online));
  retry_ = kFirstRetry;
  ask_for_sync(connected_at_);
}

void Participant::handle_publish(const Packet& packet, ParticipantSink& sink) {
  const IncomingPublish publish = decode_publish(packet, kMqttVersion);
  if (publish.qos > 0) encode_puback(publish.packet_id, connection_.output());
  const auto known = std::ranges::find(spec_.client.topics, publish.topic, &ClientSpec::Known::topic);
  if (known == spec_.client.topics.end()) return;
  if (known->kind == Received::reply) return handle_reply(publish.payload, sink);
  sink.on_message(index_, known->kind, publish.payload);
}

void Participant::handle_puback(const Packet& packet, ParticipantSink& sink) {
  if (unacknowledged_.empty() || unacknowledged_.front().packet_id != acknowledged_id(packet)) {
    throw std::runtime_error("the broker acknowledged out of order");
  }
  const auto number = unacknowledged_.front().number;
  unacknowledged_.pop_front();
  if (number) sink.on_acknowledged(index_, *number);
}

void Participant::handle_reply(std::string_view payload, ParticipantSink& sink) {
  const json reply = json::parse(payload);
  if (reply.value("req", std::string()) != std::to_string(questions_)) return;
  if (!reply.contains("result")) {
    ++not_synced_;
    wake_at_ = Clock::now() + std::exchange(retry_, std::min(retry_ * 2, kMaxAgain));
    return;
  }
  const json& result = reply.at("result");
  for (const json& change : result.at("changes")) {
    const std::string kind = change.value("kind", std::string());
    if (kind == "msg") sink.on_message(index_, Received::message, change.dump());
    if (kind == "sent") sink.on_message(index_, Received::sent, change.dump());
  }
  cursor_ = result.at("cursor").get<std::string>();
  if (!result.at("live").get<bool>()) return ask_for_sync(Clock::now());
  stage_ = Stage::live;
  // Not all at the same time.
  const std::chrono::duration<double> first_ping =
      ping_interval() * std::uniform_real_distribution<double>(0, 1)(random_);
  wake_at_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(first_ping);
  sink.on_live(index_);
}

void Participant::publish(const PublishTemplate& message, std::uint64_t number) {
  message.append(next_packet_id(number), number, connection_.output());
  flush();
}

void Participant::publish_other(std::string_view topic, std::string_view payload) {
  encode_publish(next_packet_id({}), topic, payload, kMqttVersion, connection_.output());
}

void Participant::ask_for_sync(Clock::time_point now) {
  ++questions_;
  again_ = 2 * kFirstAgain;
  ask(now + kFirstAgain);
}

// The same question as before, should the answer be late.
void Participant::ask(Clock::time_point again_at) {
  RequestPayload request;
  request.req = std::to_string(questions_);
  request.limit = kSyncLimit;
  if (!cursor_.empty()) request.cursor = cursor_;
  wake_at_ = again_at;
  publish_other(spec_.sync_topic, format_request(request));
}

std::uint16_t Participant::next_packet_id(std::optional<std::uint64_t> number) {
  if (++packet_id_ == 0) packet_id_ = 1;  // 0 is none (MQTT 5 2.2.1)
  unacknowledged_.push_back({packet_id_, number});
  return packet_id_;
}

Participant::Clock::duration Participant::next_delay() {
  const auto delay = backoff_ * std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  backoff_ = std::min(backoff_ * 2, kMaxBackoff);
  return std::chrono::duration_cast<Clock::duration>(delay);
}

Participant::Clock::duration Participant::ping_interval() const {
  return std::chrono::seconds(spec_.client.connect.keep_alive_s);
}

}  // namespace duet
