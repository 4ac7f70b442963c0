// auth_service/http_server.h: the HTTP server, on cpp-httplib. No other file knows that library.
//
// A request has an end: it is cut off when it is not there as a whole in time, or has more than 32 KiB of
// header. One connection carries one request: a body that was refused unread cannot be taken for the next
// request, and no idle connection keeps a worker. Requests are served by a fixed number of threads; as many
// connections wait for one, and the rest wait in the kernel's bounded backlog. Refused before anything is
// read of the body: one over kMaxBodyBytes (413), without Content-Length (411), with a Content-Encoding
// (415: nothing is ever decompressed). A form (RFC 6749) has at most 8 KiB, the library's own bound.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "auth_service/config.h"
#include "auth_service/http.h"

namespace duet {

class HttpServer {
 public:
  // Called by several threads. What it throws is logged and answered with 503.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens and serves from here on. `on_broken` is called, by a thread of the server, when it can accept no
  // more connections. Throws std::runtime_error when the address cannot be had.
  HttpServer(const HttpSettings& settings, Handler handler, std::function<void()> on_broken);
  ~HttpServer();  // requests that have arrived are answered; one that is still being sent is not waited for
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace duet
