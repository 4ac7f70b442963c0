// client/client.h: a device of a user. Start reading here.
//
// A client connects as docs/protocol.md section 4 says (will, subscribe, online, sync until live, outbox),
// keeps a durable outbox and the place up to which its user has seen every conversation, tells peers what was
// delivered, and does it all again after every connection that ended, however it ended: each attempt asks for
// the access token anew.
//
// Threads: every function may be called from any thread, handlers included; none waits for the network.
// Handlers are called one at a time on the client's own thread and must not destroy the client.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include "protocol/envelope.h"
#include "protocol/error_code.h"
#include "protocol/names.h"
#include "protocol/payload.h"
#include "protocol/result.h"

namespace duet {

// Another client uses the state directory.
class StateInUse : public std::runtime_error {
 public:
  explicit StateInUse(const std::filesystem::path& directory)
      : std::runtime_error("another client uses " + directory.string()) {}
};

struct ClientOptions {
  std::string uri;  // mqtt://host:port or ws://host:port/mqtt
  Device device;
  std::function<std::string()> token;     // the access token; called before each attempt, may throw
  std::filesystem::path state_directory;  // made when missing; one client at a time uses it
  // Follow the user's conversations. Without it the client sends and asks, but leaves what arrives to the
  // next one that follows, and is not online for the peers.
  bool follow = true;
  bool receipts = true;  // with follow: tell peers that their messages were delivered
  int mqtt_version = 5;
  // A message whose `sent` does not come is published again after this time, then twice that, and so on.
  std::chrono::milliseconds first_resend{10'000};
  std::chrono::milliseconds max_resend{60'000};
  // A request is asked again, with growing pauses, until its answer comes or this time is over.
  std::chrono::milliseconds request_patience{60'000};
};

// What a client tells. Any may be empty.
struct ClientHandlers {
  // A peer's message. In the order of seq, without holes, once; once more only after a crash in between.
  std::function<void(const Envelope&)> on_message;
  // My own message, from this or another device, now stored durably: in the same order. A message of the
  // outbox that the store had already is told too, with `duplicate`.
  std::function<void(const Envelope&)> on_sent;
  // Somebody's marks in the conversation with `peer` have risen; `by` is the peer or me (on another device).
  std::function<void(const UserId& peer, const Receipt&)> on_receipt;
  // Told when it changes. `false` also when a message of the peer has come, when their `true` was
  // not repeated, and after a lost connection.
  std::function<void(const UserId& peer, bool typing)> on_typing;
  std::function<void(const UserId& peer, const PeerPresence&)> on_presence;
  // A message of the outbox will never be sent, and is in it no more.
  std::function<void(const MessageId&, const Refusal&)> on_refused;
  // Any other publish of this device was refused.
  std::function<void(const ErrorEvent&)> on_error;
  // Everything that happened before has been told. After every connect.
  std::function<void()> on_live;
  // The last word: the database is damaged, or a handler threw this. Nothing is told any more; make a new
  // client.
  std::function<void(const std::string&)> on_failed;
  // The broker refused the access token that `token` gave, and why. The client asks `token` again and goes on
  // trying, with growing pauses. Where `token` has no other to give, the user has to log in again.
  std::function<void(const std::string&)> on_token_refused = {};
  // One sentence for the log about the connection, on any thread; and on a full disk, where the client waits
  // and tells nothing until there is room.
  std::function<void(const std::string&)> on_state;
};

class Client {
 public:
  using Answer = Result<nlohmann::json, Refusal>;  // the reply's `result`

  // Throws StateInUse, or std::runtime_error: the state is another device's, or damaged.
  Client(ClientOptions options, ClientHandlers handlers);
  // No handler runs when it returns. Gives what is on its way a moment; the outbox keeps the rest.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Connects, and stays connected.
  void start();

  // Puts a message into the outbox and returns once it is on disk: it will be sent, in this order, by this
  // client or a later one with the same state directory. With the `id` of a message that is still in the
  // outbox nothing changes. Refused: what no store would take (not UTF-8, far too large, to oneself), and
  // `unavailable` when 10,000 messages wait. Throws std::runtime_error when the disk fails.
  Result<MessageId, Refusal> send(const UserId& peer, const std::string& body,
                                  const std::string& type = std::string(kDefaultMessageType),
                                  std::optional<MessageId> id = std::nullopt);

  // The user has read everything up to `seq`. Durable, told to the peer when connected.
  void mark_read(const UserId& peer, Seq seq);

  // Only when connected; never repeated. A peer shows it for 10 s (docs/protocol.md section 2): say `true`
  // every 5 s as long as the user types.
  void set_typing(const UserId& peer, bool typing);

  // Asks the store (docs/protocol.md section 4); `parameters.req` is chosen here. `handler` is called once,
  // on the client's thread: with `unavailable` when the patience ends. Not called when the client goes
  // before.
  void request(const std::string& method, RequestPayload parameters, std::function<void(Answer)> handler);

  // How this device is reached while it is away: a registration as JSON (docs/protocol.md section 2);
  // {"platform": null} ends that. Told now and after every connect, again and again while no bridge takes it,
  // but not after a refusal that is for good (on_error); `on_taken` is called once, on the client's thread,
  // when one has.
  void set_push(std::string registration, std::function<void()> on_taken = {});

  // From now on nothing that arrives is told or counted as delivered: it is left to the next client. From a
  // handler: the present event is the last.
  void stop_following();

  // Messages that have no `sent` yet.
  std::size_t outbox_size() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace duet
