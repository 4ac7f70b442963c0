#include "bench/websocket_codec.h"

#include <stdexcept>

namespace duet {
namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kBinaryOpcode = 2;
constexpr std::size_t kLength16 = 126;
constexpr std::size_t kLength64 = 127;
constexpr std::size_t kMaskBytes = 4;

void put_big_endian(std::size_t value, std::size_t bytes, std::string& out) {
  while (bytes-- > 0) out.push_back(static_cast<char>(value >> (8 * bytes) & 0xff));
}

std::size_t big_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

std::string upgrade_request(std::string_view host, std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) +
         "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: ZHVldC1iZW5jaC1rZXktMQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
}

std::optional<std::size_t> upgrade_answer(std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  constexpr std::string_view kSwitching = "HTTP/1.1 101 ";
  const auto end = bytes.find(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  if (!bytes.starts_with(kSwitching)) {
    throw std::runtime_error("the gateway answers " + std::string(bytes.substr(0, bytes.find('\r'))));
  }
  return end + kEnd.size();
}

void encode_binary_frame(std::string_view payload, std::string& out) {
  out.push_back(static_cast<char>(kFinal | kBinaryOpcode));
  if (payload.size() < kLength16) {
    out.push_back(static_cast<char>(kMasked | payload.size()));
  } else if (payload.size() < 65536) {
    out.push_back(static_cast<char>(kMasked | kLength16));
    put_big_endian(payload.size(), 2, out);
  } else {
    out.push_back(static_cast<char>(kMasked | kLength64));
    put_big_endian(payload.size(), 8, out);
  }
  out.append(kMaskBytes, '\0');
  out.append(payload);
}

std::optional<ServerFrame> next_server_frame(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto second = static_cast<unsigned char>(bytes[1]);
  if ((second & kMasked) != 0) throw std::runtime_error("the gateway sent a frame with a mask");
  std::size_t length = second;
  std::size_t header = 2;
  if (length == kLength16) header = 4;
  if (length == kLength64) header = 10;
  if (bytes.size() < header) return std::nullopt;
  if (header > 2) length = big_endian(bytes.substr(2, header - 2));
  if (bytes.size() - header < length) return std::nullopt;
  return ServerFrame{static_cast<std::uint8_t>(bytes[0] & 0x0f), bytes.substr(header, length),
                     header + length};
}

}  // namespace duet
