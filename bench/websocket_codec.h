// bench/websocket_codec.h: as much of WebSocket (RFC 6455) as a load generator speaks.
//
// Pure. Throws std::runtime_error for bytes that are no WebSocket of a server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duet {

// The request that opens an MQTT WebSocket, without an Origin.
std::string upgrade_request(std::string_view host, std::string_view path);

// The size of the answer's head at the start of `bytes`; nullopt: it is not all there yet.
std::optional<std::size_t> upgrade_answer(std::string_view bytes);

// A whole binary message, masked with zeros: the masks of a measurement need not be secret.
void encode_binary_frame(std::string_view payload, std::string& out);

struct ServerFrame {
  std::uint8_t opcode;
  std::string_view payload;
  std::size_t bytes;  // of the whole frame
};
inline constexpr std::uint8_t kCloseOpcode = 8;
inline constexpr std::uint8_t kFirstControlOpcode = 8;

// The frame at the start of `bytes`; nullopt: it is not all there yet.
std::optional<ServerFrame> next_server_frame(std::string_view bytes);

}  // namespace duet
