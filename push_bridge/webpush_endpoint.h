// push_bridge/webpush_endpoint.h: to which URLs of clients this server posts. Pure.
//
// An endpoint is whatever a client says, and the server that posts to it stands where clients do not: beside
// the database, in the cloud's own network. So only hosts on a list are posted to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace duet {

struct WebPushEndpoint {
  std::string origin;  // "https://push.example.net", with the port if it is not 443: the audience of VAPID
  std::string url;     // made of what was understood, so that what is posted to is what was allowed
  std::string entry;   // of the list: whose service it is
};

class AllowedHosts {
 public:
  // "example.net": that host and every host below it, at port 443. "host:port", the host a name or an IPv4
  // address: exactly that one. The error names the entry that is neither.
  static Result<AllowedHosts, std::string> parse(const std::vector<std::string>& entries);

  // nullopt for everything that is not an https URL of an allowed host: with a user, another port, an address
  // instead of a name, or any character that two readers may understand in two ways.
  std::optional<WebPushEndpoint> allow(std::string_view url) const;

  std::vector<std::string> entries() const;

 private:
  std::vector<std::string> domains_;
  std::vector<std::string> exact_;  // "host:port"
};

}  // namespace duet
