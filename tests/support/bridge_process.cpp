#include "tests/support/bridge_process.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "file_io/secret_file.h"
#include "tests/support/patience.h"

namespace duet {

BridgeProcess::BridgeProcess(const TestPlatform& platform, const PushDouble& providers,
                             const std::string& decision)
    : platform_(platform) {
  write_file_atomically(token_file(), platform.tokens().service(Role::push, std::chrono::hours(1)),
                        kSecretMode);
  std::ofstream(config()) << config_text(providers, decision);
  start();
}

std::string BridgeProcess::log() const {
  return text_of(log_file());
}

void BridgeProcess::start() {
  process_ =
      std::make_unique<ChildProcess>(std::vector<std::string>{program("duet-push"), "--config", config()},
                                     ChildProcess::Streams::to_log, log_file());
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
  const auto quoted = [](const std::filesystem::path& path) { return "\"" + path.string() + "\"\n"; };
  const auto url = [&](PushProvider provider) { return "\"" + providers.url(provider) + "\"\n"; };
  const auto web_host = providers.url(PushProvider::webpush).substr(std::string("https://").size());
  return "ready_file = " + quoted(ready_file()) +
         "[broker]\nuri = \"mqtt://127.0.0.1:" + std::to_string(platform_.mqtt_port()) +
         "\"\ntoken_file = " + quoted(token_file()) + "[database]\npath = " + quoted(database()) +
         "[decision]\n" + decision + "[tls]\nca_file = " + quoted(providers.ca_file()) +
         "[log]\nlevel = \"debug\"\n" +
         "[[fcm]]\napp = \"chat\"\ncredentials_file = " + quoted(providers.fcm_credentials_file()) +
         "url = " + url(PushProvider::fcm) + "[[apns]]\napp = \"chat\"\ntopic = \"" + providers.apns_topic() +
         "\"\nteam_id = \"" + providers.apns_team() + "\"\nkey_id = \"" + providers.apns_key_id() +
         "\"\nkey_file = " + quoted(providers.apns_key_file()) +
         "url_production = " + url(PushProvider::apns) + "url_sandbox = " + url(PushProvider::apns_sandbox) +
         "[[webpush]]\napp = \"chat\"\nsubject = \"mailto:duet@example.com\"\nkey_file = " +
         quoted(providers.vapid_key_file()) + "allowed_hosts = [\"" + web_host + "\"]\n";
}

}  // namespace duet
