#include "tests/fault/peer_process.h"

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "tests/support/test_platform.h"

namespace duet {
namespace {

using nlohmann::json;

json config_of(const PeerSpec& spec) {
  json config = {{"user", spec.user},
                 {"device", spec.device},
                 {"peers", spec.peers},
                 {"token", spec.token},
                 {"version", spec.version},
                 {"url", spec.url},
                 {"clean", spec.clean},
                 {"interval_ms", spec.interval.count()},
                 {"record", spec.record.string()},
                 {"state", spec.state.string()},
                 {"receipts", spec.receipts},
                 {"bears_refusals", spec.bears_refusals}};
  if (spec.slow.count() > 0) config["slow_ms"] = spec.slow.count();
  return config;
}

std::vector<std::string> command_of(PeerKind kind) {
  if (kind == PeerKind::node)
    return {"node", (build_dir() / "tests" / "support" / "node" / "peers.js").string()};
  return {(build_dir() / "tests" / "duet-library-peers").string()};
}

}  // namespace

PeerProcess::PeerProcess(PeerKind kind, const std::vector<PeerSpec>& devices, std::filesystem::path directory,
                         std::map<std::string, std::string> environment)
    : kind_(kind), directory_(std::move(directory)), environment_(std::move(environment)) {
  std::filesystem::create_directories(directory_);
  json config = {{"devices", json::array()}};
  for (const PeerSpec& spec : devices) config["devices"].push_back(config_of(spec));
  std::ofstream(directory_ / "peers.json") << config.dump();
  start();
}

void PeerProcess::start() {
  auto command = command_of(kind_);
  command.push_back((directory_ / "peers.json").string());
  for (const auto& [name, value] : environment_) command.insert(command.begin(), name + "=" + value);
  command.emplace(command.begin(), "env");  // becomes what it starts
  process_ = std::make_unique<ChildProcess>(command, ChildProcess::Streams::piped, directory_ / "stderr");
}

void PeerProcess::kill_and_restart() {
  process_->signal(SIGKILL);
  process_->wait();
  start();
}

void PeerProcess::await_death_and_restart() {
  if (process_->wait() != 128 + SIGKILL) {
    throw std::runtime_error("not killed: " + command_of(kind_).back() + "\n" +
                             text_of(directory_ / "stderr"));
  }
  start();
}

json PeerProcess::await(const std::string& event) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto line = process_->read_line(kPatience);
    if (!line) break;
    json said = json::parse(*line);
    if (said.at("event") == event) return said;
  }
  throw std::runtime_error("waited in vain for `" + event + "` of " + command_of(kind_).back() + "\n" +
                           text_of(directory_ / "stderr"));
}

void PeerProcess::await_ready() {
  await("ready");
}

PeerStatus PeerProcess::status() {
  const json said = await("status");
  return {said.at("confirmed"), said.at("published"), said.at("connections")};
}

void PeerProcess::await_confirmed(std::size_t more) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const std::size_t wanted = status().confirmed + more;
  while (status().confirmed < wanted) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("no progress of " + command_of(kind_).back());
  }
}

void PeerProcess::stop_publishing() {
  process_->write_line("stop");
  while (await("stopped").at("unconfirmed") != 0) {
  }
}

void PeerProcess::sync() {
  process_->write_line("sync");
  await("synced");
}

int PeerProcess::quit() {
  process_->write_line("quit");
  return process_->wait().value_or(-1);
}

}  // namespace duet
