// tests/support/test_device.h: a device of a user, for tests that speak Duet.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "protocol/envelope.h"
#include "protocol/names.h"
#include "protocol/topic.h"
#include "tests/support/test_client.h"

namespace duet {

class TestPlatform;

// Topics, spelled by protocol/topic.h, from plain text.
std::string msg_topic(const std::string& me, const std::string& peer);
std::string receipt_topic(const std::string& me, const std::string& peer);
std::string typing_topic(const std::string& me, const std::string& peer);
std::string in_topic(const std::string& me, const std::string& peer, InKind kind);

// What `sync` gave, all pages together.
struct Synced {
  std::vector<nlohmann::json> changes;
  std::string cursor;
  std::size_t pages = 0;
};

// Connects anew as often as it is told to. Functions that wait throw std::runtime_error, with the inbox in
// the text, when what they wait for does not come. Used by one thread at a time.
class TestDevice {
 public:
  // Takes a token from the platform's mint for each connection, unless given one.
  TestDevice(const TestPlatform& platform, std::string user, std::string device = "phone",
             MqttVersion version = MqttVersion::v5);

  const std::string& user() const { return user_; }
  const std::string& device() const { return device_; }
  MqttVersion version() const { return version_; }
  // The present connection. Valid until the next go_online or connect.
  TestClient& mqtt() { return *mqtt_; }

  // What the next connection is made with. May be changed before connect.
  ConnectSpec& spec() { return spec_; }
  // CONNECT with the will of the contract; returns CONNACK's code. Ends an older connection first
  // (DISCONNECT).
  int connect();
  // connect, subscribe to everything of this device's, publish `online`. Tries again while the broker is
  // away.
  void go_online();
  void go_offline() { mqtt_.reset(); }
  // Waits until the store answers requests. Needs go_online.
  void await_store();

  // Own topics.
  std::string presence_topic() const { return own(DeviceKind::presence); }
  std::string push_topic() const { return own(DeviceKind::push); }
  std::string reply_topic() const { return own(DeviceKind::reply); }
  std::string error_topic() const { return own(DeviceKind::error); }
  std::string request_topic(const std::string& method) const { return own(DeviceKind::request, method); }
  std::string inbox() const { return inbox_filter(*UserId::parse(user_)); }
  std::string device_topics() const;

  // Publishes a message and returns its PUBACK's code. `id` empty: without id.
  int publish_message(const std::string& peer, const std::string& body, const std::string& id);
  // publish_message, then waits for `sent`, and returns it.
  Envelope send(const std::string& peer, const std::string& body);
  Envelope send(const std::string& peer, const std::string& body, const std::string& id);
  void receipt(const std::string& peer, const std::string& member, Seq seq);
  static std::string fresh_id();

  // Envelopes received live so far, in order of arrival.
  std::vector<Envelope> live(const std::string& peer, InKind kind) const;
  // The first envelope, past or future, that has `id`.
  Envelope wait_sent(const std::string& peer, const std::string& id) const;
  Envelope wait_message(const std::string& peer, const std::string& id) const;
  // The first receipt by `by` in the conversation with `peer` that has reached the marks.
  Receipt wait_receipt(const std::string& peer, const std::string& by, Seq delivered, Seq read) const;
  std::vector<ErrorEvent> errors() const;
  // The first error event with `code` for a publish on `topic`.
  ErrorEvent wait_error(ErrorCode code, const std::string& topic) const;
  Received wait_for(const std::function<bool(const Received&)>& match, const std::string& what) const;

  // Sends a request and returns its whole reply.
  nlohmann::json request(const std::string& method, nlohmann::json parameters = nlohmann::json::object());
  // request, and its `result`; throws when the reply is an error.
  nlohmann::json result(const std::string& method, nlohmann::json parameters = nlohmann::json::object());
  // request, and the code of its error; empty when it succeeded.
  std::string error_of(const std::string& method, nlohmann::json parameters = nlohmann::json::object());
  // The whole conversation, page by page, checked to be dense from page to page.
  std::vector<Envelope> history(const std::string& with);
  // sync from `cursor` (empty: from the start) until live.
  Synced sync(const std::string& cursor = "", std::optional<int> limit = std::nullopt);

  // A marker through the broker to this device: whatever the broker had sent it before has arrived.
  void round_trip();

 private:
  std::string own(DeviceKind kind, const std::string& method = "") const;
  Envelope wait_envelope(const std::string& peer, InKind kind, const std::string& id) const;

  const TestPlatform& platform_;
  std::string user_;
  std::string device_;
  MqttVersion version_;
  ConnectSpec spec_;
  std::unique_ptr<TestClient> mqtt_;
};

// Proves that nothing is under way to `watcher` that was published before the call: a marker message goes the
// whole way from `from` to `to` (journal, store, deliver frame), then one through the broker to the watcher.
void settle(TestDevice& from, TestDevice& to, TestDevice& watcher);

}  // namespace duet
