// mqtt_link/session.h: one MQTT connection, from CONNECT to its end. A link has one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "mqtt_link/link.h"

namespace duet {

// How a connection, or the attempt at one, ended.
struct SessionEnd {
  std::string why;       // half a sentence
  bool refused = false;  // the broker took the client for somebody who may not connect: the password is wrong
};

// Called on Paho's threads, one at a time and under Paho's lock: they must not wait for another thread that
// uses Paho. They throw nothing.
struct SessionEvents {
  // Connected and subscribed. `window`: how many QoS 1 messages the broker takes unacknowledged.
  std::function<void(std::size_t window)> on_ready;
  // The attempt failed, the broker sent DISCONNECT, or the connection was lost. At most once.
  std::function<void(const SessionEnd&)> on_end;
  std::function<void(const LinkMessage&)> on_message;
  // The fate of the message that was published with this number. At most once each.
  std::function<void(std::uint64_t number, bool ok)> on_published;
  // The broker has answered ask(), or the connection has ended.
  std::function<void()> on_answer = {};
};

// Owned by one thread, which makes, connects and destroys it; publish() may be called from any thread while
// it lives.
class Session {
 public:
  // Throws std::runtime_error for an impossible URI.
  Session(const LinkOptions& options, SessionEvents events);
  // Sends DISCONNECT if connected, so the broker sends no will. Messages not yet acknowledged fail, in this
  // thread. When it returns no event comes any more.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Begins to connect: on_ready or on_end follows. Throws std::runtime_error when Paho refuses to try.
  void connect(const std::string& password);

  // Whether Paho still has a connection. It may have none although no on_end came: Paho has ways to lose one
  // that it tells nobody of. Waits for Paho's lock. To be asked after on_ready.
  bool alive() const;

  // Asks the broker for any answer: it is told to take back a subscription that there is not, and says that
  // it has done so or that it may not. Throws as publish() does.
  void ask();

  // Hands a message to Paho. Throws std::runtime_error when Paho takes it no more.
  void publish(const Link::Publish& message, std::uint64_t number);

 private:
  class Client;
  std::unique_ptr<Client> client_;
};

}  // namespace duet
