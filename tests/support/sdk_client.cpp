#include "tests/support/sdk_client.h"

#include <stdexcept>

#include "tests/support/patience.h"

namespace duet {

std::string_view to_string(SdkKind kind) {
  switch (kind) {
    case SdkKind::mosquitto_cli:
      return "mosquitto_cli";
    case SdkKind::mqttjs_tcp:
      return "mqttjs_tcp";
    case SdkKind::mqttjs_websocket:
      return "mqttjs_websocket";
    case SdkKind::paho_cpp:
      return "paho_cpp";
  }
  return "unknown";
}

void SdkClient::renew(const std::string& /*token*/) {
  throw std::logic_error("this client knows no AUTH");
}

std::optional<int> SdkClient::wait_ended() {
  throw std::logic_error("this client does not tell how it ended");
}

std::string SdkAccount::uri(const std::string& plain, const std::string& secure) const {
  return (ca_file.empty() ? plain + "://127.0.0.1:" : secure + "://localhost:") + std::to_string(mqtt_port);
}

void SdkClient::receive(Received message) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(message));
  }
  changed_.notify_all();
}

nlohmann::json SdkClient::wait_for(const std::string& topic,
                                   const std::function<bool(const nlohmann::json&)>& match) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::size_t seen = 0;
  std::unique_lock lock(mutex_);
  do {
    for (; seen < inbox_.size(); ++seen) {
      if (inbox_[seen].topic != topic) continue;
      nlohmann::json json = inbox_[seen].json();
      if (json.is_object() && match(json)) return json;
    }
  } while (changed_.wait_until(lock, deadline, [&] { return inbox_.size() > seen; }));
  std::string received;
  for (const Received& message : inbox_) received += "\n  " + message.topic + " " + message.payload;
  throw std::runtime_error("waited in vain for a message on " + topic + "; received:" + received);
}

std::unique_ptr<SdkClient> make_sdk_client(SdkKind kind, const SdkAccount& account) {
  switch (kind) {
    case SdkKind::mosquitto_cli:
      return make_cli_client(account);
    case SdkKind::mqttjs_tcp:
      return make_node_client(account, account.uri("mqtt", "mqtts"));
    case SdkKind::mqttjs_websocket:
      return make_node_client(account, account.ws_url);
    case SdkKind::paho_cpp:
      return make_paho_client(account);
  }
  throw std::invalid_argument("unknown kind of client");
}

}  // namespace duet
