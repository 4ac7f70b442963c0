// push_bridge/http_post.h: a POST over HTTP/2 and TLS, what came of it, and who sends it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace duet {

struct HttpPost {
  std::string url;
  std::vector<std::string> headers;  // "name: value"
  std::string body;
};

struct PostResult {
  // answered: status, headers and body are the server's. not_sent: the server cannot have seen it. unknown:
  // it may have, and done what was asked. untrusted: its certificate or TLS is not what we accept.
  enum class Kind : std::uint8_t { answered, not_sent, unknown, untrusted } kind;
  // Of `answered`:
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // at most 64 KiB
  // Of the others: a sentence without secrets.
  std::string error;
};

class Poster {
 public:
  virtual ~Poster() = default;

  // Never blocks. false: the window of that host is full, try after the next on_done. on_done is called on
  // the poster's thread, exactly once.
  virtual bool post(HttpPost request, std::function<void(PostResult)> on_done) = 0;
};

}  // namespace duet
