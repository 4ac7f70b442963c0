#include "tests/support/push_double.h"

#include <httplib.h>

#include <array>
#include <stdexcept>
#include <string_view>

#include "acl/base64url.h"
#include "tests/support/places.h"

namespace duet {
namespace {

constexpr std::array<std::string_view, 5> kProviderNames{"fcm", "oauth", "apns", "apns_sandbox", "webpush"};

// Ports that nobody else takes while a provider is down.
std::vector<std::string> command_line(const std::filesystem::path& dir) {
  std::vector<std::string> arguments{
      "node", (build_dir() / "tests" / "support" / "push_double" / "main.js").string(), dir.string()};
  for (std::size_t n = 0; n < kProviderNames.size(); ++n) arguments.push_back(std::to_string(free_port()));
  return arguments;
}

AcceptedPush to_accepted(const nlohmann::json& said) {
  return {.provider = said.at("provider"),
          .token = said.at("token"),
          .id = said.at("id"),
          .conversation = said.at("conversation"),
          .seq = said.at("seq"),
          .at_ms = said.at("at"),
          .connection = said.at("connection"),
          .attempt = said.at("attempt"),
          .duplicate = said.at("duplicate"),
          .headers = said.at("headers"),
          .payload = said.at("payload"),
          .body = said.value("body", "")};
}

}  // namespace

std::string to_string(PushProvider provider) {
  return std::string(kProviderNames.at(static_cast<std::size_t>(provider)));
}

std::string to_string(const std::vector<PushViolation>& violations) {
  std::string text;
  for (const PushViolation& violation : violations) {
    text += violation.provider + " " + violation.kind + ": " + violation.detail + "\n";
  }
  return text;
}

PushDouble::PushDouble()
    : process_(std::make_unique<ChildProcess>(command_line(dir_.path()), ChildProcess::Streams::piped,
                                              dir_.path() / "stderr")) {
  const auto line = process_->read_line(kPatience);
  if (!line) throw std::runtime_error("the push double does not start: " + text_of(dir_.path() / "stderr"));
  ready_ = nlohmann::json::parse(*line);
}

PushDouble::~PushDouble() = default;

std::string PushDouble::url(PushProvider provider) const {
  return ready_.at("urls").at(to_string(provider));
}

nlohmann::json PushDouble::ask(const std::string& path, const nlohmann::json& body) const {
  httplib::Client client("127.0.0.1", ready_.at("control").get<int>());
  client.set_read_timeout(kPatience);
  const auto answer = client.Post(path, body.dump(), "application/json");
  if (!answer || answer->status != 200) {
    throw std::runtime_error("the push double does not answer " + path + ": " +
                             (answer ? answer->body : text_of(dir_.path() / "stderr")));
  }
  return nlohmann::json::parse(answer->body);
}

nlohmann::json PushDouble::subscribe() {
  return ask("/subscribe");
}

nlohmann::json PushDouble::decrypt(const nlohmann::json& subscription, const std::string& sealed) const {
  const std::string endpoint = subscription.at("endpoint");
  return ask("/decrypt", {{"token", endpoint.substr(endpoint.rfind('/') + 1)}, {"body", sealed}});
}

std::string PushDouble::adopt(const std::string& token) {
  return ask("/adopt", {{"token", token}}).at("endpoint");
}

void PushDouble::plan(const PushFault& fault) {
  ask("/plan", {{"provider", to_string(fault.provider)},
                {"does", fault.does},
                {"token", fault.token},
                {"times", fault.times},
                {"after", fault.after}});
}

void PushDouble::clear_faults() {
  ask("/clear");
}

void PushDouble::take_down(PushProvider provider) {
  ask("/down", {{"provider", to_string(provider)}});
}

void PushDouble::bring_up(PushProvider provider) {
  ask("/up", {{"provider", to_string(provider)}});
}

void PushDouble::revive(PushProvider provider, const std::string& token) {
  ask("/revive", {{"provider", to_string(provider)}, {"token", token}});
}

void PushDouble::mended() {
  ask("/mended");
}

void PushDouble::expire_access_tokens() {
  ask("/expire");
}

void PushDouble::set(const std::string& name, const nlohmann::json& value) {
  ask("/set", {{name, value}});
}

std::vector<AcceptedPush> PushDouble::accepted() const {
  std::vector<AcceptedPush> pushes;
  for (const auto& said : ask("/accepted")) pushes.push_back(to_accepted(said));
  return pushes;
}

std::vector<PushRequest> PushDouble::requests() const {
  std::vector<PushRequest> all;
  for (const auto& said : ask("/requests")) {
    all.push_back({said.at("provider"), said.at("headers"),
                   decode_base64url(said.at("body").get<std::string>()).value()});
  }
  return all;
}

std::vector<PushViolation> PushDouble::violations() const {
  std::vector<PushViolation> all;
  for (const auto& said : ask("/violations")) {
    all.push_back({.provider = said.at("provider"), .kind = said.at("kind"), .detail = said.at("detail")});
  }
  return all;
}

nlohmann::json PushDouble::counters() const {
  return ask("/counters");
}

void PushDouble::forget() {
  ask("/forget");
}

}  // namespace duet
