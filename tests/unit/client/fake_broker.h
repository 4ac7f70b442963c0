// tests/unit/client/fake_broker.h: a broker that ends connections in every way there is.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace duet {

// What the first connection of a client meets: at a moment the broker sends bytes instead of its answer, and
// then behaves as told. Everything before it, and every later connection, goes as with any broker.
struct Misdeed {
  enum class At : std::uint8_t { connect, subscribe, subscribed, publish };
  enum class Then : std::uint8_t {
    close,
    reset,
    fall_silent,  // the connection stays open, and nothing is answered any more
    go_on,        // the answer is left out, everything else is answered
  };

  At at = At::subscribed;
  std::string bytes = {};
  Then then = Then::close;
};

// DISCONNECT of MQTT 5 with this reason code (MQTT 5 3.14).
std::string disconnect_packet(std::uint8_t reason);
// CONNACK of MQTT 5 or 3.1.1 with this code.
std::string connack_packet(int mqtt_version, std::uint8_t code);

// Serves any number of connections from construction to destruction, in a thread of its own.
class FakeBroker {
 public:
  // The misdeeds are by client id.
  explicit FakeBroker(std::map<std::string, Misdeed> misdeeds);
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  std::string uri() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  // The CONNECT packets of a client so far.
  std::vector<std::string> connects(const std::string& client_id) const;

 private:
  struct Connection {
    int socket;
    std::string unread = {};
    int version = 5;
    std::string client_id = {};
    bool first = false;  // the first connection of its client
    bool silent = false;
    bool over = false;
  };

  void run(const std::stop_token& stop);
  void read(Connection& connection);
  void handle(Connection& connection, std::uint8_t type, std::string_view body);
  void on_connect(Connection& connection, std::string_view body);
  void answer(Connection& connection, Misdeed::At at, const std::string& bytes);
  static void send(const Connection& connection, const std::string& bytes);

  const std::map<std::string, Misdeed> misdeeds_;
  int listener_;
  std::uint16_t port_ = 0;
  std::vector<Connection> connections_;  // the thread's

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> connects_;  // guarded by mutex_

  std::jthread thread_;  // last
};

}  // namespace duet
