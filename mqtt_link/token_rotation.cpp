#include "mqtt_link/token_rotation.h"

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

#include "file_io/secret_file.h"
#include "protocol/topic.h"

namespace duet {

TokenRotation::TokenRotation(std::string role, std::filesystem::path file)
    : role_(std::move(role)), file_(std::move(file)) {
  try {
    published_ = read_secret_line(file_);
  } catch (const std::runtime_error&) {
    // The link says so at each attempt to connect, and check() from now on.
  }
}

void TokenRotation::check(const std::function<PublishResult(Link::Publish)>& publish) {
  std::string token;
  try {
    token = read_secret_line(file_);
    last_error_.clear();
  } catch (const std::runtime_error& error) {
    if (last_error_ != error.what()) spdlog::error("the access token cannot be read: {}", error.what());
    last_error_ = error.what();
    return;
  }
  if (token == published_) return;
  const auto result = publish({format_topic(ServiceTopic{role_, ServiceKind::token}), token});
  if (result != PublishResult::accepted) return;
  spdlog::info("the access token is renewed");
  published_ = std::move(token);
}

}  // namespace duet
