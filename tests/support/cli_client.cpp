// mosquitto_sub and mosquitto_pub.

#include <charconv>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "tests/support/process.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

std::string decode_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

std::vector<std::string> options(const SdkAccount& account, const std::string& device) {
  std::vector<std::string> argv{"-h", account.ca_file.empty() ? "127.0.0.1" : "localhost",
                                "-p", std::to_string(account.mqtt_port),
                                "-V", account.version == MqttVersion::v5 ? "mqttv5" : "mqttv311",
                                "-i", account.user + ":" + device,
                                "-u", account.user,
                                "-P", account.token,
                                "-q", "1"};
  if (!account.ca_file.empty()) argv.insert(argv.end(), {"--cafile", account.ca_file});
  return argv;
}

// stdbuf: the debug output, in which mosquitto_sub tells of its SUBACK, is not flushed by itself.
std::vector<std::string> subscribe_command(const SdkAccount& account) {
  std::vector<std::string> argv{"stdbuf", "-oL", "mosquitto_sub", "-d", "-F", "received %q %t %x"};
  for (const std::string& option : options(account, account.device)) argv.push_back(option);
  for (const std::string& filter : account.filters) {
    argv.emplace_back("-t");
    argv.push_back(filter);
  }
  return argv;
}

class CliClient final : public SdkClient {
 public:
  explicit CliClient(const SdkAccount& account)
      : account_(account),
        subscriber_(subscribe_command(account), ChildProcess::Streams::piped, dir_.path() / "stderr") {
    await_subscribed();
    reader_ = std::jthread([this](const std::stop_token& stop) { read_all(stop); });
  }

  ~CliClient() override {
    subscriber_.signal(SIGTERM);
    reader_.request_stop();
    reader_.join();
  }

  void publish(const std::string& topic, const std::string& payload) override {
    std::vector<std::string> argv{"mosquitto_pub", "-t", topic, "-s"};
    for (const std::string& option : options(account_, account_.device + ".pub")) argv.push_back(option);
    const Finished finished = run_command(argv, payload);
    if (finished.status != 0 || finished.err.find("Publish error") != std::string::npos) {
      throw std::runtime_error("mosquitto_pub " + topic + ": " + finished.out + finished.err);
    }
  }

 private:
  void await_subscribed() {
    std::string said;
    while (const auto line = subscriber_.read_line(kPatience)) {
      if (line->starts_with("Subscribed ")) {
        if (line->find("128") != std::string::npos || line->find("135") != std::string::npos) break;
        return;
      }
      said += *line + "\n";
    }
    throw std::runtime_error("mosquitto_sub does not subscribe: " + said + text_of(dir_.path() / "stderr"));
  }

  void read_all(const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kStopInterval{100};
    while (!stop.stop_requested() && !subscriber_.at_end()) {
      const auto line = subscriber_.read_line(kStopInterval);
      if (line && line->starts_with("received ")) take(line->substr(9));
    }
  }

  void take(const std::string& line) {
    const auto after_qos = line.find(' ');
    const auto after_topic = line.find(' ', after_qos + 1);
    receive({.topic = line.substr(after_qos + 1, after_topic - after_qos - 1),
             .payload = decode_hex(std::string_view(line).substr(after_topic + 1)),
             .qos = line[0] - '0',
             .correlation = {}});
  }

  const SdkAccount account_;
  const TempDir dir_;
  ChildProcess subscriber_;
  std::jthread reader_;
};

}  // namespace

std::unique_ptr<SdkClient> make_cli_client(const SdkAccount& account) {
  return std::make_unique<CliClient>(account);
}

}  // namespace duet
