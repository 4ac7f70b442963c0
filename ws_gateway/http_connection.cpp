#include "ws_gateway/http_connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/core/file_posix.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/file_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <ctime>
#include <string>
#include <utility>

#include "ws_gateway/broker_connect.h"
#include "ws_gateway/front_door.h"
#include "ws_gateway/tunnel.h"

namespace duet {
namespace {

namespace http = boost::beast::http;

// How long the client gets to read a last answer and to end the connection itself.
constexpr std::chrono::seconds kLingerPatience{2};
constexpr std::chrono::milliseconds kRefusedPatience{2000};

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// All lines of a header that is a list, as one (RFC 9110, 5.3).
template <typename Request, typename Field>
std::string joined(const Request& request, Field field) {
  std::string list;
  const auto [first, last] = request.equal_range(field);
  for (auto line = first; line != last; ++line) {
    if (!list.empty()) list += ',';
    list += view(line->value());
  }
  return list;
}

template <typename Request>
std::optional<std::string_view> single(const Request& request, http::field field) {
  if (request.count(field) != 1) return std::nullopt;
  return view(request[field]);
}

RequestHead::Method method_of(http::verb verb) {
  if (verb == http::verb::get) return RequestHead::Method::get;
  return verb == http::verb::head ? RequestHead::Method::head : RequestHead::Method::other;
}

}  // namespace

template <typename Body>
struct HttpConnection::Outgoing {
  explicit Outgoing(http::response<Body> r) : response(std::move(r)), serializer(response) {}
  http::response<Body> response;
  http::response_serializer<Body> serializer;
};

HttpConnection::HttpConnection(Shared& shared, ClientSocket socket, const IpAddress& peer,
                               std::optional<Admission::Ticket> ticket)
    : Watched(shared.connections),
      shared_(shared),
      socket_(std::move(socket)),
      peer_(peer),
      buffer_(2 * kMaxHeaderBytes) {
  if (ticket) {
    ticket_ = *std::move(ticket);
  } else {
    turn_away();
  }
  extend_deadline();
}

HttpConnection::~HttpConnection() {
  if (!within_limit_) --shared_.turned_away;
}

void HttpConnection::turn_away() {
  within_limit_ = false;
  ++shared_.turned_away;
}

void HttpConnection::read_request() {
  extend_deadline();
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_request(error); });
}

void HttpConnection::on_request(ErrorCode error) {
  if (error) return refuse_unreadable(error);
  ++requests_;
  if (!parser_->is_done()) return refuse(400, "a body is not expected");
  if (!within_limit_) {
    shared_.counters.refused_full.add();
    return refuse(503, "too many connections");
  }
  if (admit()) answer_request();
}

void HttpConnection::refuse_unreadable(ErrorCode error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(431, "the header is too large");
  }
  const bool said_nothing =
      error == http::error::end_of_stream || error.category() == asio::error::get_system_category();
  if (said_nothing) return close();
  refuse(400, "this is no HTTP request");
}

bool HttpConnection::admit() {
  const auto& request = parser_->get();
  const auto client =
      client_address(peer_, joined(request, "X-Forwarded-For"), shared_.config.trusted_proxies);
  // A header of a trusted proxy's that is no address would make everybody behind it one client.
  if (!client) {
    refuse(400, "X-Forwarded-For is no list of addresses");
    return false;
  }
  client_ = *client;
  if (ticket_.is_of(*client)) return true;
  auto ticket = shared_.admission.enter(*client);
  if (!ticket) {
    turn_away();
    shared_.counters.refused_full.add();
    spdlog::debug("{} has too many connections", client->text());
    refuse(503, "too many connections");
    return false;
  }
  ticket_ = std::move(*ticket);
  return true;
}

void HttpConnection::answer_request() {
  const auto& request = parser_->get();
  const std::string subprotocols = joined(request, http::field::sec_websocket_protocol);
  RequestHead head{.method = method_of(request.method()),
                   .target = view(request.target()),
                   .host = single(request, http::field::host),
                   .origin = std::nullopt,
                   .subprotocols = subprotocols,
                   .key = single(request, http::field::sec_websocket_key),
                   .version = single(request, http::field::sec_websocket_version),
                   .upgrade = boost::beast::websocket::is_upgrade(request)};
  // Several are as good as a wrong one.
  if (request.count(http::field::origin) > 0) {
    head.origin = single(request, http::field::origin).value_or("");
  }
  const auto where = route(head, shared_.config);
  if (!where) return refuse(where.error().status, where.error().text);
  switch (*where) {
    case Route::websocket:
      return open_websocket();
    case Route::health:
      return send_health();
    case Route::file:
      return send_file();
  }
}

void HttpConnection::open_websocket() {
  // RFC 6455, 4.1: the client waits for the answer. What it had sent before would be lost.
  if (buffer_.size() > 0) return refuse(400, "wait for the answer to the upgrade");
  extend_deadline();
  connect_to_broker(shared_.io, shared_.config.broker, shared_.config.limits.request,
                    [self = shared_from_this()](ErrorCode error, BrokerSocket broker) {
                      self->on_broker(error, std::move(broker));
                    });
}

void HttpConnection::on_broker(ErrorCode error, BrokerSocket broker) {
  if (!socket_.is_open()) return;
  if (error) {
    if (!shared_.broker_was_away) spdlog::warn("no connection to the broker: {}", error.message());
    shared_.broker_was_away = true;
    shared_.counters.broker_away.add();
    return refuse(502, "the broker is not there");
  }
  if (shared_.broker_was_away) spdlog::info("the broker is there again");
  shared_.broker_was_away = false;
  TunnelEnds ends{std::move(socket_), std::move(broker), std::move(ticket_), client_};
  std::make_shared<Tunnel>(shared_, std::move(ends))->accept(parser_->get());
}

void HttpConnection::send_health() {
  const auto path = path_of(view(parser_->get().target()));
  // The first of the paths is older than the others, and only says that the gateway serves.
  const auto report = path == kHealthPath ? std::nullopt : answer_health(path, shared_.health.report());
  const std::string body = report ? report->body : "ok\n";
  http::response<http::string_body> response(static_cast<http::status>(report ? report->status : 200),
                                             parser_->get().version());
  response.set(http::field::content_type, report ? "application/json" : "text/plain");
  response.set(http::field::cache_control, "no-store");
  response.content_length(body.size());
  if (!is_head()) response.body() = body;
  send(std::make_unique<Outgoing<http::string_body>>(std::move(response)));
}

void HttpConnection::send_file() {
  const auto& request = parser_->get();
  FileReply reply = shared_.files.find(path_of(view(request.target())),
                                       {.if_none_match = joined(request, http::field::if_none_match),
                                        .if_modified_since = view(request[http::field::if_modified_since])});
  if (reply.status == 404) return refuse(404, "there is no such file");
  const auto fill = [&](auto& response) {
    for (const auto& [name, value] : reply.headers) response.set(name, value);
    if (reply.status == 200) response.content_length(reply.size);
  };
  const auto status = static_cast<http::status>(reply.status);
  if (reply.status == 304 || is_head()) {
    http::response<http::empty_body> response(status, request.version());
    fill(response);
    return send(std::make_unique<Outgoing<http::empty_body>>(std::move(response)));
  }
  boost::beast::file_posix file;
  file.native_handle(reply.file.release());
  http::response<http::file_body> response(status, request.version());
  ErrorCode error;
  response.body().reset(std::move(file), error);
  if (error) return refuse(404, "there is no such file");
  reply.size = response.body().size();  // what is sent, should it have grown meanwhile
  fill(response);
  send(std::make_unique<Outgoing<http::file_body>>(std::move(response)));
}

void HttpConnection::refuse(unsigned status, std::string_view text) {
  if (status < 500 && status != 404) shared_.counters.refused.add();
  spdlog::debug("{}: {} {}", peer_.text(), status, text);
  http::response<http::string_body> response(static_cast<http::status>(status), 11);
  response.set(http::field::content_type, "text/plain");
  response.set(http::field::cache_control, "no-store");
  if (status == 405) response.set(http::field::allow, "GET, HEAD");
  if (status == 426) {
    response.set(http::field::upgrade, "websocket");
    response.set(http::field::connection, "upgrade");
    response.set(http::field::sec_websocket_version, "13");
  }
  if (status == 503) response.set(http::field::retry_after, "5");
  response.content_length(text.size() + 1);
  if (!is_head()) response.body() = std::string(text) + "\n";
  send(std::make_unique<Outgoing<http::string_body>>(std::move(response)));
}

template <typename Body>
void HttpConnection::send(std::unique_ptr<Outgoing<Body>> outgoing) {
  shared_.counters.requests.add();
  auto& response = outgoing->response;
  response.set(http::field::date, http_date(std::time(nullptr)));
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  const auto status = response.result_int();
  response.keep_alive(may_keep() && (status < 400 || status == 404));
  extend_deadline();
  write_more(std::shared_ptr<Outgoing<Body>>(std::move(outgoing)));
}

// Piece by piece: who takes none of it in time is late, not who takes it slowly.
template <typename Body>
void HttpConnection::write_more(std::shared_ptr<Outgoing<Body>> outgoing) {
  auto& serializer = outgoing->serializer;
  http::async_write_some(
      socket_, serializer,
      [self = shared_from_this(), out = std::move(outgoing)](ErrorCode error, std::size_t) mutable {
        if (error) return self->close();
        self->extend_deadline();
        if (!out->serializer.is_done()) return self->write_more(std::move(out));
        self->after_response(out->response.keep_alive());
      });
}

void HttpConnection::after_response(bool keep) {
  if (keep) return read_request();
  // Closed at once, with something unread, the answer could be lost (RFC 9112, 9.6).
  ErrorCode ignored;
  socket_.shutdown(ClientSocket::shutdown_send, ignored);
  deadline_ = moment_now() + kLingerPatience;
  drain();
}

void HttpConnection::drain() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(kMaxHeaderBytes),
                          [self = shared_from_this()](ErrorCode error, std::size_t) {
                            if (error) return self->close();
                            self->drain();
                          });
}

void HttpConnection::close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

void HttpConnection::extend_deadline() {
  // Who will be refused anyway is not waited for as long.
  const auto limit = shared_.config.limits.request;
  deadline_ = moment_now() + (within_limit_ ? limit : std::min(limit, kRefusedPatience));
}

bool HttpConnection::is_head() const {
  return parser_->get().method() == http::verb::head;
}

bool HttpConnection::may_keep() const {
  return parser_->is_done() && parser_->get().keep_alive() && requests_ < kMaxRequests;
}

void HttpConnection::look(Moment now) {
  if (now < deadline_ || !socket_.is_open()) return;
  shared_.counters.timed_out.add();
  close();
}

void HttpConnection::stop() {
  close();
}

}  // namespace duet
