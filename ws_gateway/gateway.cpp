#include "ws_gateway/gateway.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "ws_gateway/http_connection.h"
#include "ws_gateway/net.h"
#include "ws_gateway/shared.h"

namespace duet {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kLookInterval{500};
constexpr std::chrono::seconds kStopPatience{3};
constexpr std::chrono::milliseconds kAcceptDelay{
    100};  // after an error, as when there are no descriptors left
constexpr std::chrono::minutes kLogInterval{1};

// Connections beyond a limit that are told so. What is beyond these is closed: they are apart from the
// others, so that whoever has too many takes nobody else's place.
constexpr std::size_t kReserve = 64;

// A full accept queue costs a client a second (its SYN is sent again). The kernel has its own bound, too.
constexpr int kBacklog = 4096;

tcp::endpoint endpoint_of(const TcpEndpoint& listen) {
  const auto& bytes = listen.address.bytes();
  if (listen.address.is_v4()) {
    asio::ip::address_v4::bytes_type v4;
    std::copy(bytes.end() - 4, bytes.end(), v4.begin());
    return {asio::ip::address_v4(v4), listen.port};
  }
  asio::ip::address_v6::bytes_type v6;
  std::copy(bytes.begin(), bytes.end(), v6.begin());
  return {asio::ip::address_v6(v6), listen.port};
}

IpAddress address_of(const asio::ip::address& address) {
  const auto v6 =
      address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()) : address.to_v6();
  std::array<std::uint8_t, 16> bytes;
  const auto from = v6.to_bytes();
  std::copy(from.begin(), from.end(), bytes.begin());
  return IpAddress(bytes);
}

}  // namespace

struct Gateway::Parts {
  Parts(const GatewayConfig& config, Health& health)
      : shared(config, health),
        turns(health.add_loop("the gateway")),
        acceptor(shared.io),
        accept_delay(shared.io),
        tick(shared.io),
        signals(shared.io) {
    listen();
    accept();
    await_tick();
  }

  void listen() {
    const auto& where = shared.config.listen;
    try {
      const auto endpoint = endpoint_of(where);
      acceptor.open(endpoint.protocol());
      acceptor.set_option(asio::socket_base::reuse_address(true));
      acceptor.bind(endpoint);
      acceptor.listen(kBacklog);
    } catch (const boost::system::system_error& error) {
      throw std::runtime_error("cannot listen on " + where.address.text() + " port " +
                               std::to_string(where.port) + ": " + error.code().message());
    }
  }

  void accept() {
    acceptor.async_accept(shared.io.get_executor(), [this](ErrorCode error, ClientSocket socket) {
      if (!acceptor.is_open()) return;
      if (error && error != asio::error::connection_aborted) return accept_later(error);
      if (!error) admit(std::move(socket));
      accept();
    });
  }

  void accept_later(ErrorCode error) {
    spdlog::error("accepting a connection: {}", error.message());
    accept_delay.expires_after(kAcceptDelay);
    accept_delay.async_wait([this](ErrorCode cancelled) {
      if (!cancelled) accept();
    });
  }

  void admit(ClientSocket socket) {
    shared.counters.accepted.add();
    ErrorCode gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) return shared.counters.dropped.add();
    const IpAddress address = address_of(peer.address());
    auto ticket = place_for(address);
    if (!ticket && shared.turned_away >= kReserve) return shared.counters.dropped.add();
    std::make_shared<HttpConnection>(shared, std::move(socket), address, std::move(ticket))->start();
  }

  // Who is behind a proxy is only known with the request: its place is among all until then.
  std::optional<Admission::Ticket> place_for(const IpAddress& address) {
    const std::size_t present = shared.connections.size() - shared.turned_away;
    if (present >= shared.config.limits.connections) return std::nullopt;
    if (is_trusted(address, shared.config.trusted_proxies)) return Admission::Ticket();
    return shared.admission.enter(address);
  }

  void await_tick() {
    tick.expires_after(kLookInterval);
    tick.async_wait([this](ErrorCode) {
      const Moment now = moment_now();
      turns.turned();
      shared.connections.look(now);
      if (now >= log_at) log_counters();
      // While it stops, there is nothing else that ends the last of them; see stop.
      if (!stopping || (shared.connections.size() > 0 && now < stopped_at)) return await_tick();
      shared.io.stop();
    });
  }

  void log_counters() {
    log_at = moment_now() + kLogInterval;
    std::string text = shared.counters.text();
    if (text == logged) return;
    spdlog::info("{}", text);
    logged = std::move(text);
  }

  void stop() {
    if (std::exchange(stopping, true)) return;
    spdlog::info("stopping");
    stopped_at = moment_now() + kStopPatience;
    ErrorCode ignored;
    acceptor.close(ignored);
    accept_delay.cancel();
    shared.connections.stop();
    tick.cancel();  // looks at once, and again until they are gone
  }

  Shared shared;
  Health::Loop& turns;
  asio::basic_socket_acceptor<tcp, Executor> acceptor;
  asio::steady_timer accept_delay;
  asio::steady_timer tick;
  asio::signal_set signals;
  bool stopping = false;
  Moment stopped_at;
  Moment log_at = moment_now() + kLogInterval;
  std::string logged;
};

Gateway::Gateway(const GatewayConfig& config, Health& health)
    : parts_(std::make_unique<Parts>(config, health)) {}
Gateway::~Gateway() = default;

std::uint16_t Gateway::port() const {
  return parts_->acceptor.local_endpoint().port();
}

void Gateway::run() {
  parts_->shared.io.run();
  parts_->log_counters();
}

void Gateway::stop_on_signals() {
  parts_->signals.add(SIGINT);
  parts_->signals.add(SIGTERM);
  parts_->signals.async_wait([parts = parts_.get()](ErrorCode error, int) {
    if (!error) parts->stop();
  });
}

void Gateway::stop() {
  asio::post(parts_->shared.io, [parts = parts_.get()] { parts->stop(); });
}

const GatewayCounters& Gateway::counters() const {
  return parts_->shared.counters;
}

std::size_t Gateway::buffers_in_use() const {
  return parts_->shared.buffers.in_use();
}

}  // namespace duet
