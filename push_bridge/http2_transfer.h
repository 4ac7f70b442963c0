// push_bridge/http2_transfer.h: one POST over HTTP/2 with libcurl, for http2_poster.cpp alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "http_client/curl_handle.h"
#include "push_bridge/host_window.h"
#include "push_bridge/http_post.h"

namespace duet {

// The TCP connections to one host. libcurl asks for each socket and gives it back, on the poster's thread.
class HostSockets {
 public:
  virtual ~HostSockets() = default;
  virtual curl_socket_t open(const curl_sockaddr& address) = 0;  // CURL_SOCKET_BAD: there is none
  virtual void close(curl_socket_t socket) = 0;
};

struct TransferOptions {
  std::filesystem::path ca_file;
  std::chrono::milliseconds connect;
  std::chrono::milliseconds total;
};

// Used again and again, one post after the other. Does not move: libcurl has its address.
class Http2Transfer {
 public:
  using OnDone = std::function<void(PostResult)>;

  explicit Http2Transfer(const TransferOptions& options);
  Http2Transfer(const Http2Transfer&) = delete;
  Http2Transfer& operator=(const Http2Transfer&) = delete;

  CURL* handle() const { return curl_.get(); }

  // Gets ready to be given to a multi handle. `sockets` must outlive the connections made here.
  void prepare(HttpPost post, HostSockets& sockets);

  struct Outcome {
    PostResult result;
    HostWindow::End end;
    int resent = 0;  // how often libcurl sent it again by itself
  };
  // What came of it: libcurl ended it with `code`, and no multi handle has it any more.
  Outcome finish(CURLcode code);
  // It was taken from libcurl before it ended.
  PostResult abandon() const;

 private:
  static int before_sending(void* self, char*, char*, int, int) noexcept;
  bool speaks_http2() const;
  PostResult unanswered(CURLcode code) const;

  CurlHandle curl_;
  HttpPost post_;
  CurlList headers_;
  IncomingAnswer answer_;
  int sendings_ = 0;
  bool refused_ = false;  // not sent, as the server does not speak HTTP/2
};

}  // namespace duet
