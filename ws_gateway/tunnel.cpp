#include "ws_gateway/tunnel.h"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace duet {
namespace {

namespace websocket = beast::websocket;

// How long the other sides get to end it properly.
constexpr std::chrono::seconds kEndPatience{5};

bool is_protocol_error(ErrorCode error) {
  return error == websocket::condition::protocol_violation || error == websocket::error::message_too_big ||
         error == websocket::error::buffer_overflow;
}

}  // namespace

Tunnel::Tunnel(Shared& shared, TunnelEnds ends)
    : Watched(shared.connections),
      shared_(shared),
      ticket_(std::move(ends.ticket)),
      address_(ends.address),
      client_(std::move(ends.client)),
      broker_(std::move(ends.broker)),
      deadline_(moment_now() + shared.config.limits.request),
      opening_(std::make_unique<MqttOpening>()) {
  client_.read_message_max(shared.config.limits.message_bytes);
  client_.binary(true);
  client_.auto_fragment(false);
  client_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(beast::http::field::sec_websocket_protocol, kMqttSubprotocol);
  }));
}

Tunnel::~Tunnel() {
  if (opened_) shared_.counters.closed.add();
}

void Tunnel::accept(const UpgradeRequest& request) {
  ErrorCode ignored;  // the connection works without
  client_.next_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
  client_.next_layer().set_option(asio::socket_base::keep_alive(true), ignored);
  client_.async_accept(request, [self = shared_from_this()](ErrorCode error) { self->on_accepted(error); });
}

void Tunnel::on_accepted(ErrorCode error) {
  if (error || state_ != State::handshake) return close_all();
  opened_ = true;
  shared_.counters.opened.add();
  state_ = State::open;
  // The broker itself would wait for a CONNECT much longer.
  deadline_ = moment_now() + shared_.config.limits.request;
  read_client();
  await_broker();
}

// From the client to the broker.

void Tunnel::read_client() {
  client_.async_read_some(up_buffer(), [self = shared_from_this()](ErrorCode error, std::size_t size) {
    self->on_client_read(error, size);
  });
}

void Tunnel::on_client_read(ErrorCode error, std::size_t size) {
  if (error) return client_gone(error);
  if (state_ != State::open) return;  // what still comes is for nobody
  if (!client_.got_binary()) {
    shared_.counters.protocol_errors.add();
    return begin_end(websocket::close_code::unknown_data, "binary frames only");  // MQTT 5, 6.0-1
  }
  touch();
  if (size == 0) return read_client();
  const auto buffer = up_buffer();
  if (opening_) opening_->connect.feed({static_cast<const char*>(buffer.data()), size});
  asio::async_write(broker_, asio::const_buffer(buffer.data(), size),
                    [self = shared_from_this()](ErrorCode failed, std::size_t sent) {
                      self->on_broker_written(failed, sent);
                    });
}

void Tunnel::on_broker_written(ErrorCode error, std::size_t size) {
  // Were it to take no more, the broker would have gone: its last words, and its end, are read in
  // await_broker.
  if (error || state_ != State::open) {
    up_.reset();
    return;
  }
  touch();
  shared_.counters.bytes_in.add(size);
  // A full buffer says that there is more. What waits for a client that sends nothing is the small one.
  if (size < up_buffer().size()) {
    up_.reset();
  } else if (!up_) {
    up_ = shared_.buffers.take();
  }
  read_client();
}

asio::mutable_buffer Tunnel::up_buffer() {
  return up_ ? asio::buffer(*up_) : asio::buffer(up_small_);
}

// From the broker to the client.

void Tunnel::await_broker() {
  broker_.async_wait(BrokerSocket::wait_read,
                     [self = shared_from_this()](ErrorCode error) { self->on_broker_readable(error); });
}

void Tunnel::on_broker_readable(ErrorCode error) {
  if (error) return;  // closed by us
  auto buffer = shared_.buffers.take();
  const std::size_t size = broker_.read_some(asio::buffer(*buffer), error);
  if (error == asio::error::would_block) return await_broker();
  if (error) return broker_gone(error);
  if (state_ != State::open) return await_broker();  // for nobody; its end is what we wait for
  answered_ = true;
  touch();
  log_answer({buffer->data(), size});
  down_ = std::move(buffer);
  client_.async_write(asio::buffer(down_->data(), size),
                      [self = shared_from_this(), size](ErrorCode failed, std::size_t) {
                        self->on_client_written(failed, size);
                      });
}

void Tunnel::on_client_written(ErrorCode error, std::size_t size) {
  down_.reset();
  if (error) {
    client_gone(error);
  } else {
    touch();
    shared_.counters.bytes_out.add(size);
  }
  await_broker();
}

// For the log. The broker knows neither the address nor, of a refusal, the way by which it came.

void Tunnel::log_answer(std::string_view bytes) {
  if (!opening_) return;
  const auto code = opening_->connack.feed(bytes);
  if (!code) return;
  if (*code == 0) {
    spdlog::info("{} connected from {}", opening_->connect.client_id(), address_.text());
  } else {
    log_refusal(fmt::format("the broker answered {}", *code));
  }
  opening_.reset();
}

void Tunnel::log_refusal(std::string_view reason) {
  shared_.counters.refused_by_broker.add();
  if (!shared_.refusal_lines.take(address_, moment_now())) return;
  spdlog::info("refused {} from {}: {}", opening_->connect.client_id(), address_.text(), reason);
}

// The end, from either side. The broker's connection is always shut down and then read to its end before it
// is closed: closed at once, a unix socket can have the broker drop packets that it has not read yet.

void Tunnel::client_gone(ErrorCode error) {
  if (is_protocol_error(error)) shared_.counters.protocol_errors.add();
  if (error) spdlog::debug("websocket: {}", error.message());
  expect_end();
  ErrorCode ignored;
  client_.next_layer().close(ignored);
  up_.reset();
}

void Tunnel::broker_gone(ErrorCode error) {
  ErrorCode ignored;
  broker_.close(ignored);
  if (opening_ && state_ == State::open) log_refusal("the broker gave no answer");
  opening_.reset();
  const bool properly = error == asio::error::eof;
  begin_end(properly ? websocket::close_code::normal : websocket::close_code::going_away,
            properly ? "the broker ended the connection" : "the connection to the broker was lost");
}

void Tunnel::begin_end(websocket::close_code code, const char* reason) {
  if (state_ != State::open) return;
  expect_end();
  client_.async_close(websocket::close_reason(code, reason),
                      [self = shared_from_this()](ErrorCode error) { self->client_gone(error); });
}

void Tunnel::expect_end() {
  if (state_ == State::ending) return;
  state_ = State::ending;
  deadline_ = moment_now() + kEndPatience;
  ErrorCode ignored;
  broker_.shutdown(BrokerSocket::shutdown_send, ignored);
}

void Tunnel::close_all() {
  state_ = State::ending;
  ErrorCode ignored;
  client_.next_layer().close(ignored);
  broker_.close(ignored);
}

void Tunnel::touch() {
  if (state_ == State::open && answered_) deadline_ = moment_now() + shared_.config.limits.idle;
}

void Tunnel::look(Moment now) {
  // Beast ends a connection by itself, and waits without a limit, when the client closes or breaks the
  // protocol.
  if (state_ == State::open && !client_.is_open()) return expect_end();
  if (now < deadline_) return;
  if (state_ != State::ending) shared_.counters.timed_out.add();
  if (state_ == State::open && answered_) {
    return begin_end(websocket::close_code::going_away, "idle for too long");
  }
  if (state_ == State::open) return begin_end(websocket::close_code::policy_error, "no CONNECT came in time");
  close_all();
}

void Tunnel::stop() {
  if (state_ == State::handshake) return close_all();
  begin_end(websocket::close_code::going_away, "the server stops");
}

}  // namespace duet
