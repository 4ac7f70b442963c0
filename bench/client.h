// bench/client.h: one MQTT connection of the load generator, on a non-blocking socket.
//
// Used by one thread, through a Swarm. Throws std::runtime_error, naming the client, when the broker refuses
// something or ends the connection: a measurement with less than all of its clients is none.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt_codec/mqtt_codec.h"

namespace duet {

// What a message is to the measurement, decided by its topic.
enum class Received : std::uint8_t {
  message,  // from the peer
  sent,     // the acknowledgement of an own message
  receipt,
  error,  // a publish of this device was refused
  reply,  // the answer to a request
  other,
};

struct ClientSpec {
  ConnectPacket connect;
  std::vector<std::string> filters;  // subscribed to on connecting; may be empty
  struct Known {
    std::string topic;
    Received kind;
  };
  std::vector<Known> topics;  // what arrives on any other topic is Received::other
};

// Takes what the clients receive. The payload is valid during the call.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  virtual void on_message(std::size_t client, Received kind, std::string_view payload) = 0;
};

class Client {
 public:
  Client(std::size_t index, ClientSpec spec, MqttVersion version);
  ~Client();
  Client(Client&& other) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client& operator=(Client&&) = delete;

  // Begins to connect; what follows is up to the events of fd().
  void connect(const sockaddr_in& broker);
  int fd() const { return fd_; }
  // Connected, and subscribed to all filters.
  bool ready() const { return state_ == State::ready; }

  // Appends to what flush() will send.
  void publish(const PublishTemplate& message, std::uint64_t number);
  void publish(std::string_view topic, std::string_view payload);
  // Publishes without a PUBACK yet.
  std::size_t unacknowledged() const { return unacknowledged_; }
  // Publishes that an MQTT 5 broker refused (reason code from 0x80 on).
  std::uint64_t refused() const { return refused_; }

  // Reads once and handles what is complete. `buffer` is scratch space.
  void on_readable(std::span<char> buffer, MessageSink& sink);
  void on_writable();

  enum class Flushed : std::uint8_t { all, wait_until_writable };
  Flushed flush();
  bool has_output() const { return !out_.empty(); }

 private:
  enum class State : std::uint8_t { idle, connecting, wait_connack, wait_suback, ready };

  void handle(const Packet& packet, MessageSink& sink);
  void handle_connack(const Packet& packet);
  void handle_publish(const Packet& packet, MessageSink& sink);
  Received kind_of(std::string_view topic) const;
  std::uint16_t next_packet_id();
  [[noreturn]] void fail(const std::string& what) const;

  std::size_t index_;
  ClientSpec spec_;
  MqttVersion version_;
  int fd_ = -1;
  State state_ = State::idle;
  std::string in_;   // the beginning of a packet whose end is still to come
  std::string out_;  // not yet sent
  std::uint16_t packet_id_ = 0;
  std::size_t unacknowledged_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace duet
