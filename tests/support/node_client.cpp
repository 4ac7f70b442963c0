// MQTT.js: one Node.js process (tests/e2e/node/driver.js) that runs all clients of this test program, or all
// that trust the same authorities: Node.js is told of those at its start.

#include <atomic>
#include <map>
#include <stdexcept>
#include <thread>

#include "tests/support/patience.h"
#include "tests/support/places.h"
#include "tests/support/process.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

using nlohmann::json;

// Speaks JSON lines with the driver. One thread of its own reads; anybody may ask.
class NodeDriver {
 public:
  using Sink = std::function<void(Received)>;

  static std::shared_ptr<NodeDriver> shared(const std::string& ca_file) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<NodeDriver>> drivers;
    const std::lock_guard lock(mutex);
    auto& current = drivers[ca_file];
    auto driver = current.lock();
    if (!driver) current = driver = std::make_shared<NodeDriver>(ca_file);
    return driver;
  }

  explicit NodeDriver(const std::string& ca_file)
      : process_({"env", "NODE_EXTRA_CA_CERTS=" + ca_file, "node",
                  (build_dir() / "tests" / "support" / "node" / "driver.js").string()},
                 ChildProcess::Streams::piped, dir_.path() / "stderr"),
        reader_([this](const std::stop_token& stop) { read_all(stop); }) {}

  ~NodeDriver() {
    reader_.request_stop();
    reader_.join();
  }

  int add(Sink sink) {
    const std::lock_guard lock(mutex_);
    sinks_[++last_client_] = std::move(sink);
    return last_client_;
  }
  void remove(int client) {
    const std::lock_guard lock(mutex_);
    sinks_.erase(client);
  }

  // Carries out one operation and returns its answer. A client asks one thing at a time.
  json ask(int client, json command) {
    command["client"] = client;
    std::unique_lock lock(mutex_);
    answers_.erase(client);
    process_.write_line(command.dump());
    changed_.wait_for(lock, kPatience,
                      [&] { return answers_.contains(client) || closed_.contains(client) || ended_; });
    const auto answer = answers_.find(client);
    if (answer == answers_.end() || answer->second.contains("error")) {
      throw std::runtime_error("MQTT.js: " + command.at("op").dump() +
                               " fails: " + (answer == answers_.end() ? "no answer" : answer->second.dump()) +
                               "\n" + text_of(dir_.path() / "stderr"));
    }
    return answer->second;
  }

  // The event of the connection's end; throws when it does not come.
  json wait_closed(int client) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return closed_.contains(client); })) {
      throw std::runtime_error("MQTT.js: the connection does not end");
    }
    return closed_.at(client);
  }

 private:
  void read_all(const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kStopInterval{100};
    while (!stop.stop_requested() && !process_.at_end()) {
      if (const auto line = process_.read_line(kStopInterval)) take(json::parse(*line));
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  void take(const json& event) {
    const int client = event.at("client");
    const std::lock_guard lock(mutex_);
    if (event.at("event") == "done") {
      answers_[client] = event;
      changed_.notify_all();
    } else if (event.at("event") == "closed") {
      closed_[client] = event;
      changed_.notify_all();
    } else if (event.at("event") == "message" && sinks_.contains(client)) {
      sinks_.at(client)({.topic = event.at("topic"),
                         .payload = event.at("payload"),
                         .qos = event.at("qos"),
                         .correlation = {}});
    }
  }

  const TempDir dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, Sink> sinks_;  // guarded by mutex_, as all below
  std::map<int, json> answers_;
  std::map<int, json> closed_;
  int last_client_ = 0;
  bool ended_ = false;
  ChildProcess process_;
  std::jthread reader_;
};

class NodeClient final : public SdkClient {
 public:
  NodeClient(const SdkAccount& account, const std::string& url)
      : driver_(NodeDriver::shared(account.ca_file)),
        method_(account.method),
        client_(driver_->add([this](Received m) { receive(std::move(m)); })) {
    driver_->ask(client_, {{"op", "connect"},
                           {"url", url},
                           {"version", account.version == MqttVersion::v5 ? 5 : 4},
                           {"clientId", account.user + ":" + account.device},
                           {"username", account.user},
                           {"password", account.token},
                           {"method", account.method}});
    const json answer = driver_->ask(client_, {{"op", "subscribe"}, {"filters", account.filters}});
    for (const int granted : answer.at("granted")) {
      if (granted > 2) throw std::runtime_error("MQTT.js: subscription refused: " + answer.dump());
    }
  }

  ~NodeClient() override {
    driver_->remove(client_);
    try {
      driver_->ask(client_, {{"op", "end"}});
    } catch (const std::runtime_error&) {
      // The test has its verdict already; the driver's end closes what is left.
    }
  }

  void publish(const std::string& topic, const std::string& payload) override {
    driver_->ask(client_, {{"op", "publish"}, {"topic", topic}, {"payload", payload}, {"qos", 1}});
  }

  void renew(const std::string& token) override {
    driver_->ask(client_, {{"op", "renew"}, {"method", method_}, {"data", token}});
  }

  std::optional<int> wait_ended() override {
    const json closed = driver_->wait_closed(client_);
    return closed.contains("reason") ? std::optional<int>(closed.at("reason")) : std::nullopt;
  }

 private:
  const std::shared_ptr<NodeDriver> driver_;
  const std::string method_;
  const int client_;
};

}  // namespace

std::unique_ptr<SdkClient> make_node_client(const SdkAccount& account, const std::string& url) {
  return std::make_unique<NodeClient>(account, url);
}

}  // namespace duet
