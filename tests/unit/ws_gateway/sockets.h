// tests/unit/ws_gateway/sockets.h: both neighbours of the gateway, down to the byte.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace duet {

// A TCP connection. One thread.
class TestSocket {
 public:
  explicit TestSocket(int fd) : fd_(fd) {}
  // From that address of the loopback network.
  static TestSocket connect_to(std::uint16_t port, const char* from = "127.0.0.1");
  TestSocket(TestSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}
  TestSocket& operator=(TestSocket&& other) noexcept;
  ~TestSocket();
  TestSocket(const TestSocket&) = delete;
  TestSocket& operator=(const TestSocket&) = delete;

  int fd() const { return fd_; }
  void send(std::string_view bytes) const;
  // Sends as much of `bytes`, over and over, as the other side takes, but no more than `limit`. Returns how
  // much.
  std::size_t send_until_stuck(std::string_view bytes, std::size_t limit) const;
  // Exactly `count` bytes, or what came before the end (or the patience's).
  std::string receive(std::size_t count);
  // Up to and with `end`.
  std::string receive_to(std::string_view end);
  // Whether the other side ends the connection; what comes before is thrown away.
  bool ended();
  void shut_down_sending() const;
  void close();

 private:
  bool fill();

  int fd_;
  std::string unread_;
};

// Listens where the gateway looks for the broker.
class FakeBroker {
 public:
  FakeBroker();
  ~FakeBroker() { close(); }
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  std::uint16_t port() const { return port_; }
  // The next connection. Throws std::runtime_error when none comes.
  TestSocket accept() const;
  void close();  // nobody listens there any more

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

struct HttpAnswer {
  int status = 0;  // 0: none came
  std::string head;
  std::string body;
  std::string header(const std::string& name) const;  // of one line; "" when there is none
};

// Frames of RFC 6455, 5.2.
inline constexpr std::uint8_t kContinuation = 0;
inline constexpr std::uint8_t kText = 1;
inline constexpr std::uint8_t kBinary = 2;
inline constexpr std::uint8_t kClose = 8;
inline constexpr std::uint8_t kPing = 9;
inline constexpr std::uint8_t kPong = 10;
struct Frame {
  std::uint8_t opcode = 0;
  bool fin = false;
  std::string payload;
  // Of a close frame.
  int close_code() const;
};
struct FrameForm {
  bool fin = true;
  bool masked = true;
};
std::string encode_frame(std::uint8_t opcode, std::string_view payload, FrameForm form = {});

inline constexpr const char* kUpgradeHeaders =
    "Host: chat.example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

// Speaks HTTP and WebSocket to the gateway.
class WebClient {
 public:
  explicit WebClient(std::uint16_t port, const char* from = "127.0.0.1")
      : socket_(TestSocket::connect_to(port, from)) {}

  HttpAnswer request(const std::string& text, bool head = false);
  HttpAnswer get(const std::string& target, const std::string& headers = "");
  // A valid upgrade, with these headers in addition.
  HttpAnswer upgrade(const std::string& target = "/mqtt",
                     const std::string& headers = "Sec-WebSocket-Protocol: mqtt\r\n");

  void send_frame(std::uint8_t opcode, std::string_view payload, FrameForm form = {}) const {
    socket_.send(encode_frame(opcode, payload, form));
  }
  std::optional<Frame> read_frame();
  // Payloads of binary frames until there are `count` bytes.
  std::string read_binary(std::size_t count);
  // The code of the close frame that comes, after whatever else; -1: none came.
  int read_close_code();

  TestSocket& socket() { return socket_; }

 private:
  TestSocket socket_;
};

}  // namespace duet
