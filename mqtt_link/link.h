// mqtt_link/link.h: one MQTT connection that stays up. The store, the push bridge and the client library talk
// to the broker through it; Paho is in session.cpp alone.
//
// A link connects, subscribes, and when the connection ends connects again with exponential backoff and
// jitter, for ever, saying so through `on_state`. It asks for the password at each attempt, so that a rotated
// token is used. Every end is treated alike: a DISCONNECT of the broker with whatever reason, a connection
// that was lost, a keep-alive without an answer. The link also looks after Paho, once in `look_interval`: a
// connection that Paho no longer has, an attempt without an answer for 20 looks, and messages without any
// acknowledgement for 60 looks are ends too.
//
// Threads: handlers run one at a time on Paho's receive thread or the link's own; they must not block on the
// broker and must not destroy the link. publish() may be called from any thread, handlers included, and under
// locks that handlers take. An exception that leaves a handler ends the connection, and the link connects
// anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

// PEM files, looked at on every connect. The server's certificate must be good for the URI's host.
struct LinkTls {
  std::filesystem::path ca_file;           // whom to trust; empty: the system's authorities
  std::filesystem::path certificate_file;  // of this client, where the server wants one; empty: none
  std::filesystem::path key_file;          // of that certificate
};

struct LinkOptions {
  std::string uri;  // mqtt://host:port or tcp://host:port, ws://host:port/mqtt; mqtts:// and wss:// by TLS
  LinkTls tls;      // for mqtts:// and wss://
  std::string client_id;
  std::function<std::string()>
      password;  // the access token; called before each attempt, may throw: the attempt failed
  struct Subscription {
    std::string filter;
    int qos;
  };
  std::vector<Subscription> subscriptions;  // made on every connect, before on_connected
  struct Will {
    std::string topic;
    std::string payload;
  };
  std::optional<Will> will;  // QoS 1, retained
  int mqtt_version = 5;      // 5 or 4 (3.1.1)
  std::chrono::seconds keep_alive{30};
  std::chrono::milliseconds first_backoff{100};
  std::chrono::milliseconds max_backoff{5000};
  std::chrono::milliseconds look_interval{1000};
  // Asks the broker something, once in each look_interval, so that silence() knows whether it is there: an
  // UNSUBSCRIBE from a topic that nobody subscribes to.
  bool ask_broker = false;
};

struct LinkMessage {
  std::string_view topic;
  std::string_view payload;
  std::string_view correlation_data;  // MQTT 5 3.3.2.3.6; empty: none
  bool retained;
};

struct LinkHandlers {
  std::function<void()> on_connected;  // connected and subscribed
  std::function<void(const LinkMessage&)> on_message;
  // One sentence for the log: connected, connection lost, attempt failed (why, next try in …). Not twice the
  // same in a row.
  std::function<void(const std::string&)> on_state;
  // The broker refused the password of an attempt, and why; the next attempt asks for another. Before the
  // on_state of the attempt, but each time.
  std::function<void(const std::string&)> on_refused = {};
};

enum class PublishResult : std::uint8_t { accepted, not_connected, queue_full };

class Link {
 public:
  // Connected from some time after start() on; handlers may run before start() returns.
  Link(LinkOptions options, LinkHandlers handlers);
  ~Link();  // as stop()
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void start();
  // Gives what it has accepted a second to be acknowledged and disconnects. When it returns no handler runs
  // any more, and every on_done has been called. Not from a handler.
  void stop();

  // `bulk`: gives way. Whatever else is published is sent before it, and few of these are on their way at a
  // time, so that what is urgent waits behind few; one always is, so that none waits for ever. Messages of
  // one lane are sent in the order in which they were published.
  enum class Lane : std::uint8_t { normal, bulk };
  struct Publish {
    std::string topic{};
    std::string payload{};
    int qos = 1;
    bool retained = false;
    std::string correlation_data{};
    Lane lane = Lane::normal;
  };
  // Hands the message to the connection. `accepted`: it is on its way; `on_done` is then called exactly once:
  // true when the broker acknowledged it (QoS 1) or it was written (QoS 0), false when it was refused (MQTT 5
  // reason code >= 0x80) or the connection ended before. Never blocks on the network. At most 10,000 are
  // pending.
  PublishResult publish(Publish message, std::function<void(bool)> on_done = {});

  bool connected() const;

  // With ask_broker: "the broker has not answered for 7 s", while that is so for more than five seconds on a
  // connection that is there. The connection goes on.
  std::optional<std::string> silence() const;

  // Ends the present connection and connects anew at once, with a fresh password.
  void reconnect();

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace duet
