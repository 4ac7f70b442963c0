#include "bench/platform.h"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace duet {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kStartDeadline{60};
constexpr std::chrono::milliseconds kReadyPoll{20};

constexpr auto kOwnConfig = R"([limits]
messages_per_second = 0
requests_per_minute = 0
receipts_per_second = 0
new_conversations_per_hour = 0
connects_per_minute = 0
unknown_recipients = "keep"
)";

// The limits of an operator who sets none. The users here write to each other before they publish anything.
constexpr auto kDefaultLimits = R"([limits]
unknown_recipients = "keep"
)";

// A section [push] for a bridge without registrations. Writes the files that the section names.
std::string push_section(const std::filesystem::path& scratch) {
  const auto key = scratch / "vapid.pem";
  const auto config = scratch / "push.toml";
  write_file(key, SigningKey::generate(SignatureAlgorithm::es256).to_pem());
  std::filesystem::permissions(key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  write_file(config, "[[webpush]]\napp = \"bench\"\nsubject = \"mailto:bench@localhost\"\nkey_file = \"" +
                         key.string() + "\"\n");
  return "[push]\nconfig = \"" + config.string() + "\"\n";
}

// Duet's broker settings, as far as they are not about who may do what.
std::string relay_config(std::uint16_t port) {
  return "listener " + std::to_string(port) + R"( 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 1000
max_queued_messages 20000
max_queued_bytes 4194304
max_packet_size 262144
sys_interval 0
connection_messages true
log_dest stderr
log_type error
log_type warning
log_type notice
)";
}

// The directory of this program, where its siblings are.
std::filesystem::path program_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

// Debian keeps daemons where the search path of ordinary users does not lead.
std::string mosquitto_program() {
  const std::filesystem::path debian = "/usr/sbin/mosquitto";
  return std::filesystem::exists(debian) ? debian.string() : "mosquitto";
}

template <typename Condition>
void wait_until(Condition condition, ChildProcess& process, const StopSignal& stop, const std::string& what) {
  const auto deadline = BenchClock::now() + kStartDeadline;
  while (!condition()) {
    process.check();
    stop.check();
    if (BenchClock::now() >= deadline) throw std::runtime_error(what + " did not start in time");
    std::this_thread::sleep_for(kReadyPoll);
  }
}

std::filesystem::path ready_file(const std::filesystem::path& data) {
  return data / "ready.json";
}

json read_ready_file(const std::filesystem::path& data) {
  const auto path = ready_file(data);
  if (!std::filesystem::exists(path)) throw std::runtime_error("no platform runs on " + data.string());
  json ready = json::parse(read_file(path), nullptr, false);
  if (!ready.is_object()) throw std::runtime_error(path.string() + " is not a JSON object");
  return ready;
}

pid_t pid_of(const json& ready, const char* name) {
  const auto pids = ready.find("pids");
  if (pids == ready.end() || !pids->is_object() || !pids->contains(name)) {
    throw std::runtime_error("ready.json names no process " + std::string(name));
  }
  return pids->at(name).get<pid_t>();
}

BrokerAddress parse_address(std::string_view url, std::string_view scheme) {
  const std::size_t colon = url.rfind(':');
  std::uint16_t port = 0;
  const std::string_view digits = url.substr(colon == std::string_view::npos ? url.size() : colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!url.starts_with(scheme) || digits.empty() || parsed.ptr != digits.data() + digits.size()) {
    throw std::runtime_error("not an address of the form " + std::string(scheme) +
                             "host:port: " + std::string(url));
  }
  return {std::string(url.substr(scheme.size(), colon - scheme.size())), port};
}

SigningKey load_key(const std::filesystem::path& data) {
  auto key = SigningKey::from_pem(read_file(data / "secrets" / "signing.pem"));
  if (!key) throw std::runtime_error(data.string() + "/secrets/signing.pem: " + key.error());
  return std::move(*key);
}

}  // namespace

Platform::Platform(std::filesystem::path data, std::unique_ptr<ChildProcess> own)
    : data_(std::move(data)), own_(std::move(own)), key_(load_key(data_)) {}

Platform Platform::running(const std::filesystem::path& data) {
  read_ready_file(data);
  return {data, nullptr};
}

Platform Platform::start(const std::filesystem::path& scratch, const StopSignal& stop, Limits limits,
                         Push push) {
  const auto data = scratch / "duet";
  const auto config = scratch / "platform.toml";
  write_file(config, (limits == Limits::none ? kOwnConfig : kDefaultLimits) +
                         (push == Push::yes ? push_section(scratch) : std::string()));
  auto process = std::make_unique<ChildProcess>(
      std::vector<std::string>{program_directory() / "duet-run", "--no-demo", "--data", data, "--config",
                               config, "--mqtt-port", std::to_string(free_port()), "--ws-port",
                               std::to_string(free_port()), "--http-port", std::to_string(free_port())},
      scratch / "duet-run.log");
  wait_until([&] { return std::filesystem::exists(ready_file(data)); }, *process, stop, "the platform");
  return {data, std::move(process)};
}

BrokerAddress Platform::address() const {
  return parse_address(read_ready_file(data_).value("mqtt", std::string()), "mqtt://");
}

BrokerAddress Platform::websocket_address() const {
  const auto url = read_ready_file(data_).value("ws", std::string());
  return parse_address(url.substr(0, url.rfind('/')), "ws://");
}

std::vector<MeasuredProcess> Platform::processes() const {
  const json ready = read_ready_file(data_);
  std::vector<MeasuredProcess> found{{"broker", pid_of(ready, "broker")}, {"store", pid_of(ready, "store")}};
  for (const char* const name : {"push", "auth"}) {
    if (ready.at("pids").contains(name)) found.push_back({name, pid_of(ready, name)});
  }
  return found;
}

std::optional<MeasuredProcess> Platform::process(const std::string& name) const {
  const auto path = ready_file(data_);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const json ready = json::parse(read_file(path), nullptr, false);
  const auto pid = ready.value(json::json_pointer("/pids/" + name), pid_t{0});
  return pid > 0 ? std::optional(MeasuredProcess{name, pid}) : std::nullopt;
}

PlainRelay::PlainRelay(const std::filesystem::path& scratch, const StopSignal& stop)
    : port_(free_port()),
      process_(
          [&] {
            write_file(scratch / "relay.conf", relay_config(port_));
            return std::vector<std::string>{mosquitto_program(), "-c", scratch / "relay.conf"};
          }(),
          scratch / "relay.log") {
  wait_until([&] { return accepts_connections(port_); }, process_, stop, "the plain Mosquitto");
}

}  // namespace duet
