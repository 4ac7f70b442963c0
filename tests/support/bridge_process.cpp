#include "tests/support/bridge_process.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "file_io/secret_file.h"
#include "tests/support/patience.h"

namespace duet {
namespace {

// The rest of a line of TOML.
std::string toml_text(const std::string& text) {
  return "\"" + text + "\"\n";
}

}  // namespace

BridgeProcess::BridgeProcess(const TestPlatform& platform, const PushDouble& providers,
                             const std::string& decision, const std::vector<std::string>& apps)
    : platform_(platform) {
  write_file_atomically(token_file(), platform.tokens().service(Role::push, std::chrono::hours(1)),
                        kSecretMode);
  std::ofstream file(config());
  file << config_text(providers, decision);
  for (const auto& app : apps) file << app_text(providers, app);
  file.close();
  start();
}

std::string BridgeProcess::log() const {
  return text_of(log_file());
}

void BridgeProcess::use_platform_token() const {
  std::string text = text_of(config());
  const std::string own = toml_text(token_file());
  text.replace(text.find(own), own.size(), toml_text(platform_.data_dir() / "secrets" / "push.token"));
  std::ofstream(config()) << text;
}

void BridgeProcess::start() {
  std::vector<std::string> words = before_;
  words.insert(words.end(), {program("duet-push"), "--config", config()});
  process_ = std::make_unique<ChildProcess>(words, ChildProcess::Streams::to_log, log_file());
  if (!eventually([this] { return std::filesystem::exists(ready_file()) || process_->exit_status(); }) ||
      process_->exit_status()) {
    throw std::runtime_error("duet-push does not start:\n" + log());
  }
}

void BridgeProcess::kill() {
  process_->signal(SIGKILL);
  process_->wait();
  std::filesystem::remove(ready_file());
}

int BridgeProcess::stop() {
  process_->signal(SIGTERM);
  return process_->wait().value_or(-1);
}

Finished BridgeProcess::command(std::vector<std::string> words) const {
  words.insert(words.begin(), program("duet-push"));
  words.insert(words.end(), {"--config", config()});
  return run_command(words);
}

int BridgeProcess::registered() const {
  const auto said = command({"check"}).out;
  const auto end = said.find(" devices are registered");
  return end == std::string::npos ? -1 : std::stoi(said.substr(said.rfind(' ', end - 1)));
}

std::string BridgeProcess::why(const std::string& message, const std::string& what) const {
  std::string said;
  eventually([&] {
    said = command({"why", message}).out;
    return said.find(what) != std::string::npos;
  });
  return said;
}

std::string BridgeProcess::config_text(const PushDouble& providers, const std::string& decision) const {
  return "ready_file = " + toml_text(ready_file()) +
         "[broker]\nuri = \"mqtt://127.0.0.1:" + std::to_string(platform_.mqtt_port()) +
         "\"\ntoken_file = " + toml_text(token_file()) + "[database]\npath = " + toml_text(database()) +
         "[decision]\n" + decision + "[tls]\nca_file = " + toml_text(providers.ca_file()) +
         "[log]\nlevel = \"debug\"\n";
}

std::string BridgeProcess::app_text(const PushDouble& providers, const std::string& app) {
  const auto url = [&](PushProvider provider) { return toml_text(providers.url(provider)); };
  const auto web_host = providers.url(PushProvider::webpush).substr(std::string("https://").size());
  return "[[fcm]]\napp = " + toml_text(app) +
         "credentials_file = " + toml_text(providers.fcm_credentials_file()) +
         "url = " + url(PushProvider::fcm) + "[[apns]]\napp = " + toml_text(app) +
         "topic = " + toml_text(providers.apns_topic()) + "team_id = " + toml_text(providers.apns_team()) +
         "key_id = " + toml_text(providers.apns_key_id()) +
         "key_file = " + toml_text(providers.apns_key_file()) +
         "url_production = " + url(PushProvider::apns) + "url_sandbox = " + url(PushProvider::apns_sandbox) +
         "[[webpush]]\napp = " + toml_text(app) +
         "subject = \"mailto:duet@example.com\"\nkey_file = " + toml_text(providers.vapid_key_file()) +
         "allowed_hosts = [" + toml_text(web_host) + ", " + toml_text(kDeadHost) + "]\n";
}

}  // namespace duet
