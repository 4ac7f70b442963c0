#include "tests/unit/client/fake_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>

namespace duet {
namespace {

// Packet types, in the upper four bits of the first byte (MQTT 5 2.1.2).
constexpr int kConnect = 1;
constexpr int kPublish = 3;
constexpr int kSubscribe = 8;
constexpr int kPing = 12;
constexpr int kDisconnect = 14;

constexpr int kTurnMs = 20;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

std::size_t number_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(index))) << 8 |
         static_cast<unsigned char>(bytes.at(index + 1));
}

// The size of the packet at the start of `bytes`, and of its header; nullopt: it is not there yet.
std::optional<std::pair<std::size_t, std::size_t>> packet_size(std::string_view bytes) {
  std::size_t size = 0;
  for (std::size_t digit = 0; digit < 4; ++digit) {
    if (bytes.size() < digit + 2) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[digit + 1]);
    size |= static_cast<std::size_t>(byte & 0x7f) << (7 * digit);
    if ((byte & 0x80) == 0) return std::pair(size + digit + 2, digit + 2);
  }
  throw std::runtime_error("not a packet");
}

}  // namespace

std::string disconnect_packet(std::uint8_t reason) {
  return {'\xe0', 2, static_cast<char>(reason), 0};
}

std::string connack_packet(int mqtt_version, std::uint8_t code) {
  std::string packet{'\x20', 2, 0, static_cast<char>(code)};
  if (mqtt_version < 5) return packet;
  packet[1] = 3;
  return packet + '\0';
}

FakeBroker::FakeBroker(std::map<std::string, Misdeed> misdeeds)
    : misdeeds_(std::move(misdeeds)), listener_(checked(::socket(AF_INET, SOCK_STREAM, 0), "socket")) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  checked(::bind(listener_, generic, size), "bind");
  checked(::listen(listener_, SOMAXCONN), "listen");
  checked(::getsockname(listener_, generic, &size), "getsockname");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FakeBroker::~FakeBroker() {
  thread_.request_stop();
  thread_.join();
  for (const auto& connection : connections_) ::close(connection.socket);
  ::close(listener_);
}

std::vector<std::string> FakeBroker::connects(const std::string& client_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = connects_.find(client_id);
  return found == connects_.end() ? std::vector<std::string>() : found->second;
}

void FakeBroker::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> sockets{{listener_, POLLIN, 0}};
    for (const auto& connection : connections_) sockets.push_back({connection.socket, POLLIN, 0});
    ::poll(sockets.data(), sockets.size(), kTurnMs);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (sockets[i + 1].revents != 0) read(connections_[i]);
    }
    std::erase_if(connections_, [](const Connection& connection) {
      if (connection.over) ::close(connection.socket);
      return connection.over;
    });
    if (sockets[0].revents != 0) connections_.push_back({.socket = ::accept(listener_, nullptr, nullptr)});
  }
}

void FakeBroker::read(Connection& connection) {
  std::array<char, 65'536> bytes{};
  const auto size = ::recv(connection.socket, bytes.data(), bytes.size(), 0);
  if (size <= 0) {
    connection.over = true;
    return;
  }
  connection.unread.append(bytes.data(), static_cast<std::size_t>(size));
  while (!connection.silent && !connection.over) {
    const auto packet = packet_size(connection.unread);
    if (!packet || connection.unread.size() < packet->first) return;
    const std::string whole = connection.unread.substr(0, packet->first);
    connection.unread.erase(0, packet->first);
    handle(connection, static_cast<std::uint8_t>(whole[0]), std::string_view(whole).substr(packet->second));
  }
}

void FakeBroker::handle(Connection& connection, std::uint8_t type, std::string_view body) {
  const bool v5 = connection.version >= 5;
  switch (type >> 4) {
    case kConnect:
      return on_connect(connection, body);
    case kSubscribe: {  // of one filter
      std::string suback =
          v5 ? std::string{'\x90', 4, body[0], body[1], 0, 1} : std::string{'\x90', 3, body[0], body[1], 1};
      answer(connection, Misdeed::At::subscribe, suback);
      const auto misdeed = misdeeds_.find(connection.client_id);
      if (misdeed == misdeeds_.end() || misdeed->second.at != Misdeed::At::subscribed) return;
      return answer(connection, Misdeed::At::subscribed, {});
    }
    case kPublish: {
      const auto id = 2 + number_at(body, 0);  // behind the topic; QoS 1
      return answer(connection, Misdeed::At::publish, {'\x40', 2, body.at(id), body.at(id + 1)});
    }
    case kPing:
      return send(connection, {'\xd0', 0});
    case kDisconnect:
      connection.over = true;
      return;
    default:
      return;
  }
}

// Without will, and in MQTT 5 with less than 128 bytes of properties.
void FakeBroker::on_connect(Connection& connection, std::string_view body) {
  constexpr std::size_t kLevel = 6;
  constexpr std::size_t kKeepAlive = 8;
  connection.version = static_cast<unsigned char>(body.at(kLevel));
  std::size_t at = kKeepAlive + 2;
  if (connection.version >= 5) at += std::size_t{1} + static_cast<unsigned char>(body.at(at));
  connection.client_id = body.substr(at + 2, number_at(body, at));
  {
    const std::lock_guard lock(mutex_);
    auto& connects = connects_[connection.client_id];
    connection.first = connects.empty();
    connects.emplace_back(body);
  }
  answer(connection, Misdeed::At::connect, connack_packet(connection.version, 0));
}

// The bytes, or what the client meets at this moment.
void FakeBroker::answer(Connection& connection, Misdeed::At at, const std::string& bytes) {
  const auto found = misdeeds_.find(connection.client_id);
  if (!connection.first || found == misdeeds_.end() || found->second.at != at) {
    return send(connection, bytes);
  }
  const Misdeed& misdeed = found->second;
  send(connection, misdeed.bytes);
  connection.silent = misdeed.then == Misdeed::Then::fall_silent;
  connection.over = misdeed.then == Misdeed::Then::close || misdeed.then == Misdeed::Then::reset;
  if (misdeed.then == Misdeed::Then::reset) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
}

void FakeBroker::send(const Connection& connection, const std::string& bytes) {
  if (!bytes.empty()) ::send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

}  // namespace duet
