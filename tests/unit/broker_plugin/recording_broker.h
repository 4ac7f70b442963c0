// tests/unit/broker_plugin/recording_broker.h: a broker that remembers what it was asked for.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker_plugin/broker_port.h"

namespace duet {

class RecordingBroker : public BrokerPort {
 public:
  struct Published {
    std::string topic;
    std::string payload;
    Qos qos;
    bool retain;
    std::optional<std::string> correlation;
  };

  void publish(const OutgoingMessage& message) override {
    std::optional<std::string> correlation;
    if (message.correlation) correlation = std::string(*message.correlation);
    published_.push_back({std::string(message.topic), std::string(message.payload), message.qos,
                          message.retain, std::move(correlation)});
  }
  void kick(const std::string& client_id) override { kicked_.push_back(client_id); }
  void tell_taken_over(Connection connection) override { taken_over_.push_back(connection); }
  bool can_receive(Connection connection, std::size_t packet_bytes) const override {
    const auto limit = packet_limits_.find(connection);
    return limit == packet_limits_.end() || packet_bytes <= limit->second;
  }
  void log(LogLevel level, const std::string& text) override { log_.emplace_back(level, text); }

  // What was published since the last call.
  std::vector<Published> take() { return std::exchange(published_, {}); }
  std::vector<std::string> take_kicked() { return std::exchange(kicked_, {}); }
  std::vector<Connection> take_taken_over() { return std::exchange(taken_over_, {}); }
  std::vector<std::pair<LogLevel, std::string>> take_log() { return std::exchange(log_, {}); }
  // What the client has announced at its CONNECT.
  void set_packet_limit(Connection connection, std::size_t bytes) { packet_limits_[connection] = bytes; }

 private:
  std::vector<Published> published_;
  std::vector<std::string> kicked_;
  std::vector<Connection> taken_over_;
  std::map<Connection, std::size_t> packet_limits_;
  std::vector<std::pair<LogLevel, std::string>> log_;
};

}  // namespace duet
