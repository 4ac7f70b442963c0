#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

#include "tests/support/patience.h"

namespace duet {
namespace {

constexpr int kPatienceMs = std::chrono::milliseconds(kPatience).count();

bool wait_for(int fd, short events, int patience_ms) {
  pollfd waiting{fd, events, 0};
  return ::poll(&waiting, 1, patience_ms) > 0;
}

sockaddr_in on_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int tcp_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return fd;
}

}  // namespace

TestSocket TestSocket::connect_to(std::uint16_t port, const char* from) {
  TestSocket socket(tcp_socket());
  sockaddr_in source = on_loopback(0);
  ::inet_pton(AF_INET, from, &source.sin_addr);
  if (::bind(socket.fd_, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) {
    throw std::system_error(errno, std::generic_category(), "bind");
  }
  const sockaddr_in address = on_loopback(port);
  if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  return socket;
}

TestSocket& TestSocket::operator=(TestSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(unread_, other.unread_);
  return *this;
}

TestSocket::~TestSocket() {
  close();
}

void TestSocket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void TestSocket::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // closed by the other side, which is for the test to find
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t TestSocket::send_until_stuck(std::string_view bytes, std::size_t limit) const {
  constexpr int kStuckMs = 1000;  // too soon would only make the test find less
  std::size_t total = 0;
  while (total < limit) {
    const auto rest = bytes.substr(total % bytes.size()).substr(0, limit - total);
    const ssize_t sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) total += static_cast<std::size_t>(sent);
    if (sent < 0 && (errno != EAGAIN || !wait_for(fd_, POLLOUT, kStuckMs))) break;
  }
  return total;
}

bool TestSocket::fill() {
  std::array<char, 65536> buffer;
  if (!wait_for(fd_, POLLIN, kPatienceMs)) return false;
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  unread_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::string TestSocket::receive(std::size_t count) {
  while (unread_.size() < count && fill()) {
  }
  std::string result = unread_.substr(0, count);
  unread_.erase(0, result.size());
  return result;
}

std::string TestSocket::receive_to(std::string_view end) {
  std::size_t at = unread_.find(end);
  while (at == std::string::npos && fill()) at = unread_.find(end);
  return receive(at == std::string::npos ? unread_.size() : at + end.size());
}

bool TestSocket::ended() {
  const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
  while (fill()) unread_.clear();
  return std::chrono::steady_clock::now() < give_up_at;
}

void TestSocket::shut_down_sending() const {
  ::shutdown(fd_, SHUT_WR);
}

FakeBroker::FakeBroker() : fd_(tcp_socket()) {
  sockaddr_in address = on_loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 256) != 0 || ::getsockname(fd_, generic, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "listen");
  }
  port_ = ntohs(address.sin_port);
}

TestSocket FakeBroker::accept() const {
  if (!wait_for(fd_, POLLIN, kPatienceMs)) throw std::runtime_error("nobody connects to the broker");
  return TestSocket(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
}

void FakeBroker::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string HttpAnswer::header(const std::string& name) const {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

int Frame::close_code() const {
  if (opcode != kClose || payload.size() < 2) return -1;
  return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
}

std::string encode_frame(std::uint8_t opcode, std::string_view payload, FrameForm form) {
  constexpr std::string_view kMask = "\x11\x22\x33\x44";
  const char mask_bit = form.masked ? '\x80' : '\0';
  std::string frame(1, static_cast<char>(opcode | (form.fin ? 0x80 : 0)));
  int size_bytes = 0;
  if (payload.size() < 126) {
    frame += static_cast<char>(static_cast<char>(payload.size()) | mask_bit);
  } else {
    size_bytes = payload.size() < 65536 ? 2 : 8;
    frame += static_cast<char>((size_bytes == 2 ? 126 : 127) | mask_bit);
  }
  for (int i = size_bytes - 1; i >= 0; --i) frame += static_cast<char>(payload.size() >> (8 * i) & 0xFF);
  if (!form.masked) return frame.append(payload);
  frame += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return frame;
}

HttpAnswer WebClient::request(const std::string& text, bool head) {
  socket_.send(text);
  HttpAnswer answer;
  answer.head = socket_.receive_to("\r\n\r\n");
  if (answer.head.starts_with("HTTP/1.1 ")) answer.status = std::stoi(answer.head.substr(9, 3));
  const std::string size = answer.header("Content-Length");
  if (!head && !size.empty()) answer.body = socket_.receive(std::stoul(size));
  return answer;
}

HttpAnswer WebClient::get(const std::string& target, const std::string& headers) {
  return request("GET " + target + " HTTP/1.1\r\nHost: chat.example.com\r\n" + headers + "\r\n");
}

HttpAnswer WebClient::upgrade(const std::string& target, const std::string& headers) {
  return request("GET " + target + " HTTP/1.1\r\n" + kUpgradeHeaders + headers + "\r\n");
}

std::optional<Frame> WebClient::read_frame() {
  const std::string head = socket_.receive(2);
  if (head.size() < 2) return std::nullopt;
  Frame frame{
      .opcode = static_cast<std::uint8_t>(head[0] & 0x0F), .fin = (head[0] & 0x80) != 0, .payload = ""};
  auto size = static_cast<std::size_t>(head[1] & 0x7F);
  if (size >= 126) {
    std::size_t long_size = 0;
    for (const char c : socket_.receive(size == 126 ? 2 : 8)) {
      long_size = long_size * 256 + static_cast<unsigned char>(c);
    }
    size = long_size;
  }
  frame.payload = socket_.receive(size);
  if (frame.payload.size() < size) return std::nullopt;
  return frame;
}

std::string WebClient::read_binary(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    const auto frame = read_frame();
    if (!frame || (frame->opcode != kBinary && frame->opcode != kContinuation)) break;
    all += frame->payload;
  }
  return all;
}

int WebClient::read_close_code() {
  for (auto frame = read_frame(); frame; frame = read_frame()) {
    if (frame->opcode == kClose) return frame->close_code();
  }
  return -1;
}

}  // namespace duet
