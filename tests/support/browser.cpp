#include "tests/support/browser.h"

#include <stdexcept>

#include "tests/support/patience.h"
#include "tests/support/places.h"

namespace duet {

Browser::Browser(const PushDouble& providers)
    : process_(std::make_unique<ChildProcess>(
          std::vector<std::string>{"node",
                                   (source_dir() / "tests" / "support" / "browser" / "main.js").string(),
                                   providers.directory(), dir_.path() / "profile"},
          ChildProcess::Streams::piped, dir_.path() / "log")) {}

// The browser writes to its profile until it has ended.
Browser::~Browser() {
  process_->close_stdin();
  process_->wait();
}

nlohmann::json Browser::next_line() {
  const auto line = process_->read_line(kPatience);
  if (!line) throw std::runtime_error("the browser does not answer:\n" + text_of(dir_.path() / "log"));
  return nlohmann::json::parse(*line);
}

nlohmann::json Browser::subscription() {
  if (subscription_.is_null()) subscription_ = next_line().at("subscription");
  return subscription_;
}

void Browser::deliver(const std::string& body) {
  process_->write_line(nlohmann::json{{"deliver", body}}.dump());
}

nlohmann::json Browser::wait_pushes(std::size_t count) {
  process_->write_line(nlohmann::json{{"pushes", count}}.dump());
  return next_line();
}

}  // namespace duet
