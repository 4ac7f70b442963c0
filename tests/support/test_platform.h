// tests/support/test_platform.h: a whole Duet on loopback, started as an operator starts it (duet-run).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/places.h"
#include "tests/support/process.h"
#include "tests/support/tokens.h"

namespace duet {

enum class Service : std::uint8_t { broker, store, gateway, auth, proxy };
std::string_view to_string(Service service);

// No rate limits, and presence that peers hear of quickly. A suite that tests limits brings its own.
inline constexpr std::string_view kUnlimited = R"(
[limits]
messages_per_second = 0
requests_per_minute = 0
receipts_per_second = 0
new_conversations_per_hour = 0
connects_per_minute = 0
[presence]
debounce_ms = 50
)";

// The same, with a journal whose segments are full soon: they are removed under load.
inline constexpr std::string_view kSmallSegments = R"(
[limits]
messages_per_second = 0
requests_per_minute = 0
receipts_per_second = 0
new_conversations_per_hour = 0
connects_per_minute = 0
[presence]
debounce_ms = 50
[journal]
segment_bytes = 8192
)";

struct PlatformSpec {
  std::string config = std::string(kUnlimited);  // the text of the file given with --config
  // What duet-run and its processes find in their environment, beside the test's own. `{dir}` in a value
  // stands for the directory that holds data_dir(): a test may keep files there.
  std::map<std::string, std::string> environment = {};
  // Called with the data directory, which is not there yet, before the first start.
  std::function<void(const std::filesystem::path&)> prepare = {};
  // Another plugin for the broker than the product's: empty, or its file.
  std::filesystem::path plugin = {};
  bool tls = false;          // with the front door
  bool push_double = false;  // with the push bridge, and the double of the push services beside it
};

// Owns its directory, ports and processes. Used by one thread at a time, but for kill, which may be called
// from any.
class TestPlatform {
 public:
  explicit TestPlatform(const PlatformSpec& spec);
  explicit TestPlatform(std::string_view config = kUnlimited)
      : TestPlatform(PlatformSpec{.config = std::string(config)}) {}
  // As above, on a copy of these parts of another's data directory.
  TestPlatform(const std::filesystem::path& data_dir, const std::vector<std::string>& parts);
  ~TestPlatform();  // stops it; a process that is left over fails the test, and so does a sanitizer's report
  TestPlatform(const TestPlatform&) = delete;
  TestPlatform& operator=(const TestPlatform&) = delete;

  // Starts and waits for ready.json. Throws std::runtime_error, with what duet-run said, when it ends
  // instead.
  void start();
  // Starts it and waits for nothing.
  void launch();
  // Whether ready.json is there, of the duet-run that was started last, and the store answers.
  bool is_ready() const;
  // Ends it with SIGTERM. Returns duet-run's exit status.
  int stop();
  // stop and start, on the same directory and ports.
  void restart();
  // SIGKILL for every process at once, as when the machine is reset; start() goes on from there.
  void crash();

  std::filesystem::path data_dir() const { return data_dir_; }
  std::filesystem::path config_file() const { return dir_.path() / "config.toml"; }
  std::uint16_t mqtt_port() const { return mqtt_port_; }
  std::uint16_t ws_port() const { return ws_port_; }
  std::uint16_t http_port() const { return http_port_; }
  // With PlatformSpec::tls.
  std::uint16_t mqtts_port() const { return mqtts_port_; }
  std::uint16_t https_port() const { return https_port_; }
  std::filesystem::path ca_file() const { return data_dir_ / "tls" / "ca.pem"; }

  // ready.json as it stands; nullopt while there is none.
  std::optional<nlohmann::json> ready() const;
  pid_t pid(Service service) const;
  pid_t supervisor_pid() const { return supervisor_ ? supervisor_->pid() : -1; }

  void kill(Service service, int signal) const;
  // SIGKILL for each, then waits until others run in their places. Throws std::runtime_error otherwise.
  void kill_and_await(std::initializer_list<Service> services);
  // Waits until ready.json names living processes other than `old_pid`.
  void await_replaced(Service service, pid_t old_pid) const;

  const TokenMint& tokens() const { return *tokens_; }

  // What the sanitizers reported of the processes so far. Of those that were not killed leaks come at their
  // end.
  std::vector<std::string> sanitizer_reports() const;

  // What the processes said, for a failed test.
  std::string logs() const;
  std::string log_of(std::string_view name) const;  // "broker", "store", "gateway", "auth", "proxy" or "run"

  // The command line that starts this platform, without options like --no-demo.
  std::vector<std::string> command() const;

 private:
  void report_orphans();
  void exchange_plugin(const std::filesystem::path& plugin);

  TempDir dir_;
  std::filesystem::path data_dir_;
  std::filesystem::path run_log_;
  std::string supervisor_program_;
  bool push_double_ = false;
  std::map<std::string, std::string> environment_;
  std::uint16_t mqtt_port_;
  std::uint16_t ws_port_;
  std::uint16_t http_port_;
  std::uint16_t mqtts_port_ = 0;  // 0: without the front door
  std::uint16_t https_port_ = 0;
  std::unique_ptr<ChildProcess> supervisor_;
  std::optional<TokenMint> tokens_;
};

}  // namespace duet
