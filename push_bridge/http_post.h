// push_bridge/http_post.h: what one request to a push provider is, how it ended, and what sends it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace duet {

// Always HTTP/2 over TLS.
struct HttpPost {
  std::string url;                        // https
  std::vector<std::string> headers = {};  // "name: value"
  std::string body = {};
};

struct PostResult {
  enum class Kind : std::uint8_t {
    answered,   // whatever the status
    not_sent,   // no byte of it has left: it can be sent again at once
    unknown,    // it was sent, and may have been accepted
    untrusted,  // not sent, as the server is not whom we were told to talk to, or does not speak HTTP/2
  };
  Kind kind = Kind::not_sent;

  // Of `answered`.
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case; the last of a name
  std::string body = {};                            // its first 64 KiB

  std::string error = {};  // of the others: a sentence without secrets
};

// What sends. Thread-safe.
class Poster {
 public:
  virtual ~Poster() = default;

  // Never blocks. False: as many posts to that host are on their way as it may have; try again after the next
  // on_done. Else `on_done` is called exactly once, on the poster's thread, and must not block either.
  virtual bool post(HttpPost request, std::function<void(PostResult)> on_done) = 0;

  // Has later posts to the host of `url` use new connections, once those on their way are done: for a server
  // that believes nothing more on the present ones.
  virtual void renew_connections(const std::string& /*url*/) {}
};

}  // namespace duet
