// ws_gateway/tunnel.h: a WebSocket and its connection to the broker, and the bytes between them.
//
// Of MQTT only the opening is read, for the log. Otherwise it is not looked at: control packets may be split
// and joined as frames like (MQTT 5, 6.0-2). Each direction has at most one buffer and reads only when the
// other side has taken it, so whoever is slow stops whoever sends. Internal: compiles slowly.
#pragma once

#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "ws_gateway/admission.h"
#include "ws_gateway/front_door.h"
#include "ws_gateway/mqtt_opening.h"
#include "ws_gateway/net.h"
#include "ws_gateway/shared.h"

namespace duet {

namespace beast = boost::beast;

struct TunnelEnds {
  ClientSocket client;
  BrokerSocket broker;  // non-blocking
  Admission::Ticket ticket;
  IpAddress address;  // of the client, as trusted proxies tell it
};

// Lives as long as one of its connections. The gateway's thread alone.
class Tunnel : public Watched, public std::enable_shared_from_this<Tunnel> {
 public:
  using UpgradeRequest = beast::http::request<beast::http::empty_body>;

  Tunnel(Shared& shared, TunnelEnds ends);
  ~Tunnel() override;

  // Answers the upgrade (RFC 6455, 4.2.2) and begins. The request may go when this returns.
  void accept(const UpgradeRequest& request);

  void look(Moment now) override;
  void stop() override;

 private:
  enum class State : std::uint8_t { handshake, open, ending };

  // Small, as every idle connection has one; messages of a chat mostly fit.
  static constexpr std::size_t kSmallBytes = 512;

  void on_accepted(ErrorCode error);

  void read_client();
  void on_client_read(ErrorCode error, std::size_t size);
  void on_broker_written(ErrorCode error, std::size_t size);
  boost::asio::mutable_buffer up_buffer();

  void await_broker();
  void on_broker_readable(ErrorCode error);
  void on_client_written(ErrorCode error, std::size_t size);

  void log_answer(std::string_view bytes);
  void log_refusal(std::string_view reason);

  void client_gone(ErrorCode error);
  void broker_gone(ErrorCode error);
  void begin_end(beast::websocket::close_code code, const char* reason);
  void expect_end();
  void close_all();
  void touch();

  Shared& shared_;
  const Admission::Ticket ticket_;
  const IpAddress address_;
  beast::websocket::stream<ClientSocket, false> client_;  // false: no compression
  BrokerSocket broker_;
  State state_ = State::handshake;
  bool opened_ = false;
  bool answered_ = false;  // by the broker: it had a whole CONNECT
  Moment deadline_;        // of the state: of the handshake, of the CONNECT, of the silence, of the end

  std::unique_ptr<MqttOpening> opening_;  // until the broker has answered CONNECT

  std::array<char, kSmallBytes> up_small_;
  BufferPool::Lease up_;    // instead of the small one, while much comes from the client
  BufferPool::Lease down_;  // while the client takes what the broker sent
};

}  // namespace duet
