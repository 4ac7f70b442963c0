// bench/participant.h: a client that behaves as docs/protocol.md says one should, and comes back.
//
// It connects, subscribes, says online, syncs page by page until it is live; when the connection ends it
// connects again after a delay that doubles, cut at random, as mqtt_link does. Used by one thread, through a
// Crowd.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "bench/client.h"
#include "bench/connection.h"
#include "mqtt_codec/mqtt_codec.h"

namespace duet {

struct ParticipantSpec {
  ClientSpec client;       // will_topic: where it says online
  std::string sync_topic;  // where it asks; the answer is Received::reply
};

// What became of a connection, in this order.
enum class Stage : std::uint8_t {
  away,        // waits before it tries (again)
  connecting,  // TCP, or WebSocket on it, and MQTT
  connected,   // subscribed
  live,        // has all it missed
};

class ParticipantSink {
 public:
  virtual ~ParticipantSink() = default;
  // An envelope (message or sent), live or out of a sync, or a refusal (error).
  virtual void on_message(std::size_t participant, Received kind, std::string_view payload) = 0;
  // The broker has acknowledged this message.
  virtual void on_acknowledged(std::size_t participant, std::uint64_t number) = 0;
  virtual void on_live(std::size_t participant) = 0;
};

class Participant {
 public:
  using Clock = std::chrono::steady_clock;

  Participant(std::size_t index, ParticipantSpec spec, const Endpoint& endpoint);

  Stage stage() const { return stage_; }
  int fd() const { return connection_.fd(); }
  bool wants_to_write() const { return connection_.wants_to_write(); }

  // When on_time() has something to do.
  Clock::time_point wake_at() const { return wake_at_; }
  void on_time(Clock::time_point now);
  void on_events(std::uint32_t epoll_events, std::span<char> scratch, ParticipantSink& sink);

  // A message with its number. Precondition: live.
  void publish(const PublishTemplate& message, std::uint64_t number);

  std::uint64_t attempts() const { return attempts_; }
  std::uint64_t refused() const { return refused_; }        // CONNECTs that the broker refused
  std::uint64_t failed() const { return failed_; }          // attempts that led to no CONNACK at all
  std::uint64_t lost() const { return lost_; }              // connections that ended
  std::uint64_t not_synced() const { return not_synced_; }  // requests that were refused
  const std::string& last_error() const { return connection_.error(); }

 private:
  struct Unacknowledged {
    std::uint16_t packet_id;
    std::optional<std::uint64_t> number;  // none: it is no message
  };

  void connect(Clock::time_point now);
  void end();
  void flush();
  std::size_t take_packets(std::string_view bytes, ParticipantSink& sink);
  void handle(const Packet& packet, ParticipantSink& sink);
  void handle_connack(const Packet& packet);
  void handle_suback(const Packet& packet);
  void handle_publish(const Packet& packet, ParticipantSink& sink);
  void handle_puback(const Packet& packet, ParticipantSink& sink);
  void handle_reply(std::string_view payload, ParticipantSink& sink);
  void publish_other(std::string_view topic, std::string_view payload);
  void ask_for_sync(Clock::time_point now);
  void ask(Clock::time_point again_at);
  std::uint16_t next_packet_id(std::optional<std::uint64_t> number);
  Clock::duration next_delay();
  Clock::duration ping_interval() const;

  std::size_t index_;
  ParticipantSpec spec_;
  Endpoint endpoint_;
  Connection connection_;
  Stage stage_ = Stage::away;
  bool reading_ = false;  // what is written meanwhile goes out after it
  Clock::time_point wake_at_;
  Clock::time_point connected_at_;
  std::chrono::milliseconds backoff_;
  std::chrono::milliseconds again_{};  // until a question without an answer is repeated
  std::chrono::milliseconds retry_{};  // until one that was refused for now is
  std::minstd_rand random_;
  std::string cursor_;
  std::uint64_t questions_ = 0;
  std::deque<Unacknowledged> unacknowledged_;
  std::uint16_t packet_id_ = 0;
  std::uint64_t attempts_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t not_synced_ = 0;
};

}  // namespace duet
