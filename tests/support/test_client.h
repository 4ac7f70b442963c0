// tests/support/test_client.h: one MQTT connection, to look at every answer the broker gives.
//
// Built on libmosquitto. It knows MQTT and nothing of Duet; tests/support/test_device.h does.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/mqtt.h"
#include "tests/support/patience.h"

struct mosquitto;
struct mqtt5__property;  // NOLINT(bugprone-reserved-identifier): the library's name

namespace duet {

struct ConnectSpec {
  std::uint16_t port = 0;
  std::filesystem::path ca_file = {};  // by TLS, whom to believe; empty: plain
  MqttVersion version = MqttVersion::v5;
  std::string client_id;
  std::optional<std::string> username;
  std::optional<std::string> password;
  bool clean = true;
  // MQTT 5: how long the session outlives the connection. (3.1.1: for ever, unless clean.)
  std::uint32_t session_expiry_s = 0;
  std::optional<Publish> will;
  // MQTT 5: what the client announces (3.1.2.11.3, 3.1.2.11.4); 0: nothing.
  std::uint16_t receive_maximum = 0;
  std::uint32_t maximum_packet_size = 0;
};

// One connection, never renewed: after its end another client is made. Functions may be called from any
// thread; messages are taken in by the client's own thread.
class TestClient {
 public:
  explicit TestClient(ConnectSpec spec);
  ~TestClient();  // DISCONNECT, so no will
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Connects and returns CONNACK's code (0: accepted). kNoAnswer: no connection, or closed without CONNACK.
  int connect();
  void disconnect();
  // Ends the connection without DISCONNECT, as a lost network does: the broker sends the will.
  void drop();
  bool connected() const;
  // Whether the connection ended (by anybody) before the patience did.
  bool wait_disconnected(std::chrono::milliseconds patience = kPatience) const;

  // The reason that the broker gave for the end (MQTT 5, 3.14.2.1); nullopt when it gave none.
  std::optional<int> end_reason() const;

  // SUBACK's code: 0 to 2 granted, 0x80 and above refused. kNoAnswer: the connection ended.
  int subscribe(const std::string& filter, int qos = 1);
  bool unsubscribe(const std::string& filter);

  // Publishes and waits for PUBACK's reason code (QoS 0: until it is sent). MQTT 3.1.1 has none: 0.
  int publish(const Publish& message);
  // Publishes without waiting. Returns a token for puback_of; nullopt when not connected.
  std::optional<int> publish_async(const Publish& message);
  // The reason code when PUBACK has come; nullopt while it has not.
  std::optional<int> puback_of(int token) const;

  // Everything received so far.
  std::vector<Received> inbox() const;
  // The first message received, now or later, for which `match` holds.
  std::optional<Received> wait_for(const std::function<bool(const Received&)>& match,
                                   std::chrono::milliseconds patience = kPatience) const;
  // Waits until `done` holds for the inbox; it is asked at each arrival and at the connection's end.
  bool wait_until(const std::function<bool(const std::vector<Received>&)>& done,
                  std::chrono::milliseconds patience = kPatience) const;

  // Called in the client's thread for each message before it is in the inbox. Set before connect.
  void set_listener(std::function<void(const Received&)> listener) { listener_ = std::move(listener); }
  // Called in the client's thread for each PUBACK (token, reason code). Set before connect.
  void set_puback_listener(std::function<void(int, int)> listener) { on_puback_ = std::move(listener); }
  // Called in the client's thread when the connection has ended. Set before connect.
  void set_end_listener(std::function<void()> listener) { on_end_ = std::move(listener); }

  const ConnectSpec& spec() const { return spec_; }

 private:
  struct Callbacks;
  void run();
  void set_will() const;

  const ConnectSpec spec_;
  std::function<void(const Received&)> listener_;
  std::function<void(int, int)> on_puback_;
  std::function<void()> on_end_;
  std::unique_ptr<mosquitto, void (*)(mosquitto*)> mosq_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Guarded by mutex_.
  std::optional<int> connack_;
  bool ended_ = true;
  std::optional<int> end_reason_;
  std::vector<Received> inbox_;
  std::map<int, int> pubacks_;
  std::map<int, int> subacks_;
  std::map<int, bool> unsubacks_;

  std::jthread thread_;
};

}  // namespace duet
