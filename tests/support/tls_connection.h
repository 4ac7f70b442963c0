// tests/support/tls_connection.h: bytes on a TLS connection, from an address of choice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace duet {

// To a port on 127.0.0.1, whose certificate must be good for `localhost`. Used by one thread.
class TlsConnection {
 public:
  // `from`: an address of 127.0.0.0/8. Sends `before` as it is (a PROXY header), then does the handshake;
  // open() tells whether that succeeded.
  TlsConnection(std::uint16_t port, const std::filesystem::path& ca_file,
                const std::string& from = "127.0.0.1", std::string_view before = {});
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  bool open() const { return open_; }
  void send(std::string_view bytes) const;
  // What comes until `count` bytes are there, or until the other side closes.
  std::string receive(std::size_t count) const;
  // Whether the other side closes the connection (before the patience ends).
  bool closed() const;

 private:
  struct Tls;
  std::unique_ptr<Tls> tls_;
  int socket_;
  bool open_ = false;
};

}  // namespace duet
