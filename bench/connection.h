// bench/connection.h: the bytes of one MQTT connection, on a non-blocking socket, over TCP or WebSocket.
//
// Used by one thread. What the other side does is no exception: a function that returns false has closed the
// connection, and error() says why.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace duet {

enum class Transport : std::uint8_t { tcp, websocket };

struct Endpoint {
  sockaddr_in address;
  Transport transport;
};
// `host` is an IPv4 address. Throws std::runtime_error when it is not.
Endpoint endpoint_at(const std::string& host, std::uint16_t port, Transport transport);

class Connection {
 public:
  Connection() = default;
  ~Connection() { close(); }
  Connection(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection& operator=(Connection&&) = delete;

  // Begins to connect. Precondition: it is closed.
  bool open(const Endpoint& to);
  void close();

  int fd() const { return fd_; }
  const std::string& error() const { return error_; }

  // MQTT to be sent; flush() takes it from here.
  std::string& output() { return out_; }
  // Whether it waits until the socket is writable: to be connected, or because flush() had to leave
  // something.
  bool wants_to_write() const { return state_ == State::connecting || !wire_.empty(); }

  bool on_writable();
  // To be called when there is output.
  bool flush();

  // Takes MQTT from the start of what has arrived; returns how many bytes it has used.
  using Take = std::function<std::size_t(std::string_view)>;
  // Reads once. `scratch` is room for it. What `take` throws (std::exception) closes the connection.
  bool read(std::span<char> scratch, const Take& take);

 private:
  enum class State : std::uint8_t { closed, connecting, upgrading, open };

  bool connected();
  bool send_wire();
  bool fail(std::string why);
  void take_bytes(std::string_view bytes, const Take& take);
  std::size_t take_frames(std::string_view bytes, const Take& take);

  int fd_ = -1;
  State state_ = State::closed;
  Transport transport_ = Transport::tcp;
  std::string in_;    // from the socket, incomplete
  std::string mqtt_;  // out of WebSocket frames, an incomplete packet
  std::string out_;   // MQTT
  std::string wire_;  // for the socket
  std::string error_;
};

}  // namespace duet
