// mqtt_link/token_rotation.h: the renewal of a service's access token on its live connection.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "mqtt_link/link.h"

namespace duet {

// Watches a token file that somebody else replaces, and hands each new token to the broker
// (svc/<role>/token), so that the live connection goes on. One thread owns it.
class TokenRotation {
 public:
  // What the file holds now is the token that the connection began with.
  TokenRotation(std::string role, std::filesystem::path file);

  // Publishes the file's token if it is a new one. A token that finds no connection is tried again, a file
  // that cannot be read is logged once.
  void check(const std::function<PublishResult(Link::Publish)>& publish);

 private:
  const std::string role_;
  const std::filesystem::path file_;
  std::string published_;
  std::string last_error_;
};

}  // namespace duet
