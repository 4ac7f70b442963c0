// push_bridge/http2_poster.h: posts to push providers over HTTP/2, many at once on few connections, with
// libcurl.
//
// What of libcurl 7.88 this is built around is in docs/adr and in the comments of the .cpp. In short:
// connections are bounded here (libcurl would open one for each stream beyond the limit), and so is what is
// on its way: one post to a host until it has answered with 2xx, as APNs asks for, and one again after a
// failure of a connection; streams that have ended are not reset (stream_resets.h). libcurl sends a post
// again by itself when a used connection ends before any answer: a server can get a post twice whatever is
// done here, so a post must say who it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "push_bridge/http_post.h"

namespace duet {

struct PosterOptions {
  std::filesystem::path ca_file = {};  // PEM: whom to believe; empty: whom the system believes
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds total{15'000};  // of one post, until the last byte of its answer
  std::size_t connections_per_host = 2;     // never 1: a hung stream and a GOAWAY would stop everything
  std::size_t window = 100;                 // posts on their way to one host
  std::size_t total_window = 400;           // … and to all hosts
};

struct PosterCounters {
  std::uint64_t posts = 0;  // that were taken
  std::uint64_t answered = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t unknown = 0;
  std::uint64_t untrusted = 0;
  std::uint64_t resent = 0;  // sendings of libcurl's own: a used connection ended, or the server sent it back
  std::uint64_t connections_opened = 0;
  std::uint64_t resets_left_out = 0;  // stream_resets.h, of the whole process
  std::uint64_t in_flight = 0;
};

// Thread-safe. One thread of its own, from construction to destruction. Construct the first before there are
// other threads (libcurl's own set-up).
class Http2Poster final : public Poster {
 public:
  explicit Http2Poster(PosterOptions options = {});
  // What is on its way is answered with `unknown` or `not_sent`, on the poster's thread, before this returns.
  ~Http2Poster() override;
  Http2Poster(const Http2Poster&) = delete;
  Http2Poster& operator=(const Http2Poster&) = delete;

  // False also once the poster is being destroyed.
  bool post(HttpPost request, std::function<void(PostResult)> on_done) override;
  void renew_connections(const std::string& url) override;

  PosterCounters counters() const;

 private:
  class Engine;
  const std::unique_ptr<Engine> engine_;
};

}  // namespace duet
