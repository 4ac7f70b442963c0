#include "tests/support/test_platform.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "tests/support/patience.h"
#include "tests/support/sanitizer_reports.h"

namespace duet {
namespace {

// The last part of a log, whole lines.
std::string tail(const std::string& text) {
  constexpr std::size_t kTailBytes = 12UL * 1024;
  if (text.size() <= kTailBytes) return text;
  const auto line = text.find('\n', text.size() - kTailBytes);
  return "…\n" + text.substr(line == std::string::npos ? text.size() - kTailBytes : line + 1);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// Tests write to names that have never connected. A suite that is about them sets the key itself.
std::string with_unknown_recipients(const std::string& config) {
  constexpr std::string_view kLimits = "[limits]\n";
  constexpr std::string_view kKey = "unknown_recipients = ";
  if (config.find(kKey) != std::string::npos) return config;
  const std::string line = std::string(kKey) + "\"keep\"\n";
  const auto limits = config.find(kLimits);
  if (limits == std::string::npos) return config + "\n" + std::string(kLimits) + line;
  return std::string(config).insert(limits + kLimits.size(), line);
}

// Without sockets, which no copy has.
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to) {
  namespace fs = std::filesystem;
  fs::create_directory(to, from);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_directory()) {
      copy_tree(entry.path(), target);
    } else if (!entry.is_socket()) {
      fs::copy_file(entry.path(), target);
    }
  }
}

}  // namespace

std::string_view to_string(Service service) {
  switch (service) {
    case Service::broker:
      return "broker";
    case Service::store:
      return "store";
    case Service::gateway:
      return "gateway";
    case Service::auth:
      return "auth";
    case Service::proxy:
      break;
  }
  return "proxy";
}

TestPlatform::TestPlatform(const PlatformSpec& spec)
    : data_dir_(dir_.path() / "data"),
      run_log_(dir_.path() / "run.log"),
      supervisor_program_(program("duet-run")),
      push_double_(spec.push_double),
      mqtt_port_(free_port()),
      ws_port_(free_port()),
      http_port_(free_port()) {
  if (spec.tls) {
    mqtts_port_ = free_port();
    https_port_ = free_port();
  }
  for (const auto& [name, value] : spec.environment) {
    environment_[name] = replaced(value, "{dir}", dir_.path().string());
  }
  std::ofstream(config_file()) << with_unknown_recipients(spec.config);
  if (!spec.plugin.empty()) exchange_plugin(spec.plugin);
  if (spec.prepare) spec.prepare(data_dir_);
  start();
}

TestPlatform::TestPlatform(const std::filesystem::path& data_dir, const std::vector<std::string>& parts)
    : data_dir_(dir_.path() / "data"),
      run_log_(dir_.path() / "run.log"),
      supervisor_program_(program("duet-run")),
      mqtt_port_(free_port()),
      ws_port_(free_port()),
      http_port_(free_port()) {
  std::filesystem::create_directory(data_dir_);
  for (const std::string& part : parts) {
    copy_tree(data_dir / part, data_dir_ / part);
  }
  std::ofstream(config_file()) << with_unknown_recipients(std::string(kUnlimited));
  start();
}

TestPlatform::~TestPlatform() {
  if (supervisor_) stop();
  report_orphans();
  for (const auto& report : sanitizer_reports()) ADD_FAILURE() << report;
}

// duet-run finds its parts beside itself, so it is copied; the others may be links.
void TestPlatform::exchange_plugin(const std::filesystem::path& plugin) {
  namespace fs = std::filesystem;
  const fs::path tree = dir_.path() / "tree";
  fs::create_directories(tree / "bin");
  fs::create_directories(tree / "lib");
  fs::copy_file(program("duet-run"), tree / "bin" / "duet-run");
  for (const auto* name : {"duet-store", "duet-ws", "duet-auth", "duet-keys", "duet-push"}) {
    fs::create_symlink(program(name), tree / "bin" / name);
  }
  fs::create_directory_symlink(build_dir() / "share", tree / "share");
  fs::create_symlink(plugin, tree / "lib" / "duet_plugin.so");
  supervisor_program_ = (tree / "bin" / "duet-run").string();
}

std::vector<std::string> TestPlatform::command() const {
  std::vector<std::string> argv{
      supervisor_program_,        "--data",    data_dir_.string(),       "--mqtt-port",
      std::to_string(mqtt_port_), "--ws-port", std::to_string(ws_port_), "--http-port",
      std::to_string(http_port_), "--config",  config_file().string()};
  if (mqtts_port_ != 0) {
    argv.insert(argv.end(), {"--tls", "--mqtts-port", std::to_string(mqtts_port_), "--https-port",
                             std::to_string(https_port_)});
  }
  if (push_double_) {
    argv.insert(argv.end(), {"--push-double", (build_dir() / "tests" / "support" / "push_double").string()});
  }
  return argv;
}

void TestPlatform::launch() {
  auto argv = command();
  argv.emplace_back("--no-demo");
  for (const auto& [name, value] : environment_) argv.insert(argv.begin(), name + "=" + value);
  argv.emplace(argv.begin(), "env");  // becomes what it starts
  supervisor_ = std::make_unique<ChildProcess>(argv, ChildProcess::Streams::to_log, run_log_);
}

bool TestPlatform::is_ready() const {
  const auto said = ready();
  if (!supervisor_ || !said || said->value("supervisor", -1) != supervisor_->pid()) return false;
  // Clients can connect; the tests also want the store to answer.
  return text_of(data_dir_ / "run" / "store.ready").starts_with(std::to_string(pid(Service::store)) + "\n");
}

void TestPlatform::start() {
  launch();
  eventually([&] { return supervisor_->exit_status() || is_ready(); });
  if (supervisor_->exit_status() || !is_ready()) {
    const std::string said = logs();
    supervisor_.reset();
    throw std::runtime_error("duet-run does not become ready:\n" + said);
  }
  if (!tokens_) tokens_.emplace(data_dir_);
}

int TestPlatform::stop() {
  // A test may have left something stopped (SIGSTOP), which would wait for ever.
  for (const pid_t process : processes_naming(data_dir_)) ::kill(process, SIGCONT);
  supervisor_->signal(SIGTERM);
  const auto status = supervisor_->wait();
  if (!status) ADD_FAILURE() << "duet-run does not end on SIGTERM\n" << logs();
  supervisor_.reset();
  return status.value_or(-1);
}

void TestPlatform::restart() {
  stop();
  start();
}

void TestPlatform::crash() {
  const pid_t all[] = {pid(Service::broker), pid(Service::store), pid(Service::gateway), pid(Service::auth),
                       pid(Service::proxy)};
  supervisor_->signal(SIGKILL);
  for (const pid_t process : all) {
    if (process > 0) ::kill(process, SIGKILL);
  }
  supervisor_->wait();
  supervisor_.reset();
  eventually([&] { return processes_naming(data_dir_).empty(); });
}

void TestPlatform::report_orphans() {
  for (const pid_t orphan : processes_naming(data_dir_)) {
    ADD_FAILURE() << "still running after the end of duet-run: process " << orphan << "\n"
                  << text_of("/proc/" + std::to_string(orphan) + "/cmdline");
    ::kill(orphan, SIGKILL);
  }
}

std::optional<nlohmann::json> TestPlatform::ready() const {
  auto json = nlohmann::json::parse(text_of(data_dir_ / "ready.json"), nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

pid_t TestPlatform::pid(Service service) const {
  const auto said = ready();
  if (!said || !said->contains("pids")) return -1;
  return said->at("pids").value(std::string(to_string(service)), -1);
}

void TestPlatform::kill(Service service, int signal) const {
  if (const pid_t target = pid(service); target > 0) ::kill(target, signal);
}

void TestPlatform::kill_and_await(std::initializer_list<Service> services) {
  std::vector<std::pair<Service, pid_t>> killed;
  for (const Service service : services) killed.emplace_back(service, pid(service));
  for (const auto& [service, old_pid] : killed) {
    if (old_pid > 0) ::kill(old_pid, SIGKILL);
  }
  for (const auto& [service, old_pid] : killed) await_replaced(service, old_pid);
}

void TestPlatform::await_replaced(Service service, pid_t old_pid) const {
  const bool replaced = eventually([&] {
    const pid_t now = pid(service);
    return now > 0 && now != old_pid && process_runs(now);
  });
  if (!replaced) {
    throw std::runtime_error("the " + std::string(to_string(service)) + " is not started again\n" + logs());
  }
}

std::vector<std::string> TestPlatform::sanitizer_reports() const {
  return duet::sanitizer_reports(data_dir_ / "log");
}

std::string TestPlatform::log_of(std::string_view name) const {
  if (name == "run") return text_of(run_log_);
  return text_of(data_dir_ / "log" / (std::string(name) + ".log"));
}

std::string TestPlatform::logs() const {
  std::string all;
  for (const std::string_view name : {"run", "broker", "store", "gateway", "auth", "proxy"}) {
    all += "---- " + std::string(name) + " ----\n" + tail(log_of(name)) + "\n";
  }
  return all;
}

}  // namespace duet
