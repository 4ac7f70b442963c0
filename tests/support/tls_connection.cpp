#include "tests/support/tls_connection.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

#include "tests/support/loopback.h"
#include "tests/support/patience.h"

namespace duet {
struct TlsConnection::Tls {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> session{nullptr, SSL_free};
};

TlsConnection::TlsConnection(std::uint16_t port, const std::filesystem::path& ca_file,
                             const std::string& from, std::string_view before)
    : tls_(std::make_unique<Tls>()), socket_(connect_on_loopback(port, from)) {
  std::signal(SIGPIPE, SIG_IGN);  // a server that has closed must not take the test with it
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (socket_ < 0) return;
  if (!before.empty() && ::send(socket_, before.data(), before.size(), MSG_NOSIGNAL) < 0) return;
  SSL_CTX_set_verify(tls_->context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(tls_->context.get(), ca_file.c_str()) != 1)
    throw std::runtime_error(ca_file.string());
  tls_->session.reset(SSL_new(tls_->context.get()));
  SSL_set1_host(tls_->session.get(), "localhost");
  SSL_set_fd(tls_->session.get(), socket_);
  open_ = SSL_connect(tls_->session.get()) == 1;
}

TlsConnection::~TlsConnection() {
  if (socket_ >= 0) close(socket_);
}

void TlsConnection::send(std::string_view bytes) const {
  // What the other side has closed is for the test to find.
  if (open_) SSL_write(tls_->session.get(), bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsConnection::receive(std::size_t count) const {
  std::string all;
  std::array<char, 4096> buffer{};
  while (open_ && all.size() < count) {
    const auto wanted = static_cast<int>(std::min(buffer.size(), count - all.size()));
    const int got = SSL_read(tls_->session.get(), buffer.data(), wanted);
    if (got <= 0) break;
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

bool TlsConnection::closed() const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  return !open_ || (receive(1).empty() && std::chrono::steady_clock::now() < deadline);
}

}  // namespace duet
