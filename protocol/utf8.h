// protocol/utf8.h: where characters begin (RFC 3629 3).
#pragma once

namespace duet {

// Whether the byte belongs to the character that has begun before it.
constexpr bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

}  // namespace duet
