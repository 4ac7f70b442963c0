// ws_gateway/http_connection.h: one TCP connection while it speaks HTTP. Internal: compiles slowly.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "ws_gateway/admission.h"
#include "ws_gateway/net.h"
#include "ws_gateway/shared.h"

namespace duet {

inline constexpr std::size_t kMaxHeaderBytes = 8192;
inline constexpr int kMaxRequests = 100;  // on one connection

// Lives while something is under way on it. The gateway's thread alone.
class HttpConnection : public Watched, public std::enable_shared_from_this<HttpConnection> {
 public:
  // Without a ticket it is one too many, and gets the answer 503.
  HttpConnection(Shared& shared, ClientSocket socket, const IpAddress& peer,
                 std::optional<Admission::Ticket> ticket);
  ~HttpConnection() override;

  void start() { read_request(); }
  void look(Moment now) override;
  void stop() override;

 private:
  template <typename Body>
  struct Outgoing;

  void read_request();
  void on_request(ErrorCode error);
  void refuse_unreadable(ErrorCode error);
  void answer_request();
  // Answers 400 or 503 and returns false when the client cannot be told, or has too many connections.
  bool admit();
  void turn_away();
  void open_websocket();
  void on_broker(ErrorCode error, BrokerSocket broker);
  void send_health();
  void send_file();
  void refuse(unsigned status, std::string_view text);

  template <typename Body>
  void send(std::unique_ptr<Outgoing<Body>> outgoing);
  template <typename Body>
  void write_more(std::shared_ptr<Outgoing<Body>> outgoing);
  void after_response(bool keep);
  void drain();
  void close();
  void extend_deadline();
  bool is_head() const;
  bool may_keep() const;

  Shared& shared_;
  ClientSocket socket_;
  const IpAddress peer_;
  IpAddress client_;  // who is behind the peer, if that is a proxy
  bool within_limit_ = true;
  Admission::Ticket ticket_;
  Moment deadline_;
  int requests_ = 0;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
};

}  // namespace duet
