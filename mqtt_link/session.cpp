#include "mqtt_link/session.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "mqtt_link/tcp_nodelay.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kConnectTimeout{10};
// More than our own window, so that Paho never has a reason to refuse or to hold back (1.3.12 wakes up late
// from its own in-flight limit).
constexpr int kPahoBufferedMessages = 4096;
constexpr std::size_t kMaxWindow = 128;
constexpr int kFirstFailureCode = 0x80;  // MQTT 5 2.4, and MQTT 3.1.1 3.9.3
constexpr std::string_view kNobodysFilter = "svc/nobody";
constexpr std::string_view kMqttScheme = "mqtt://";
constexpr std::string_view kMqttsScheme = "mqtts://";
constexpr std::string_view kWssScheme = "wss://";

// Paho C 1.3.12 knows the schemes by their older names.
std::string paho_uri(const std::string& uri) {
  if (uri.starts_with(kMqttsScheme)) return "ssl://" + uri.substr(kMqttsScheme.size());
  return uri.starts_with(kMqttScheme) ? "tcp://" + uri.substr(kMqttScheme.size()) : uri;
}

bool uses_tls(const std::string& uri) {
  return uri.starts_with(kMqttsScheme) || uri.starts_with(kWssScheme);
}

mqtt::ssl_options paho_tls(const LinkTls& tls) {
  mqtt::ssl_options options;
  options.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);  // at least
  options.set_enable_server_cert_auth(true);
  options.set_verify(true);  // the host's name too
  if (!tls.ca_file.empty()) options.set_trust_store(tls.ca_file.string());
  if (!tls.certificate_file.empty()) {
    options.set_key_store(tls.certificate_file.string());
    options.set_private_key(tls.key_file.string());
  }
  return options;
}

// MQTT 3.1.1 has no password without a user name (3.1.2.9). Ours is the user, before the colon.
std::string user_name(const std::string& client_id) {
  return client_id.substr(0, client_id.find(':'));
}

// MQTT 3.1.1 3.2.2.3.
std::optional<std::string> refusal_text(int return_code) {
  switch (return_code) {
    case 1:
      return "unacceptable protocol version";
    case 2:
      return "client identifier rejected";
    case 3:
      return "server unavailable";
    case 4:
      return "bad user name or password";
    case 5:
      return "not authorized";
    default:
      return std::nullopt;
  }
}

// "Not authorized" → "not authorized"; "SESSION_TAKEN_OVER" → "session taken over".
std::string reason_text(int reason_code) {
  auto text = mqtt::exception::reason_code_str(reason_code);
  std::ranges::transform(text, text.begin(), [](char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return c == '_' ? ' ' : c;
  });
  return text.empty() ? "reason code " + std::to_string(reason_code) : text;
}

std::string why_failed(const mqtt::token& token) {
  const int reason = token.get_reason_code();
  if (reason >= kFirstFailureCode && reason != mqtt::MQTTPP_V3_CODE) return reason_text(reason);
  const int code = token.get_return_code();
  if (const auto text = refusal_text(code)) return *text;
  if (code >= kFirstFailureCode) return reason_text(code);
  return code == MQTTASYNC_FAILURE ? "no connection" : mqtt::exception::error_str(code);
}

// Of a CONNECT: MQTT 5 3.2.2.2, and MQTT 3.1.1 3.2.2.3.
bool refuses_password(const mqtt::token& token) {
  constexpr std::array kRefusals{0x86, 0x87, 4, 5};
  const auto refuses = [&](int code) { return std::ranges::find(kRefusals, code) != kRefusals.end(); };
  return refuses(token.get_reason_code()) || refuses(token.get_return_code());
}

mqtt::const_message_ptr make_paho_message(const Link::Publish& message) {
  mqtt::properties properties;
  if (!message.correlation_data.empty()) {
    properties.add({mqtt::property::CORRELATION_DATA, message.correlation_data});
  }
  return mqtt::message::create(message.topic, message.payload, message.qos, message.retained, properties);
}

}  // namespace

class Session::Client final : public mqtt::callback, public mqtt::iaction_listener {
 public:
  Client(const LinkOptions& options, SessionEvents events)
      : options_(options),
        events_(std::move(events)),
        paho_(paho_uri(options.uri), options.client_id,
              mqtt::create_options(options.mqtt_version, kPahoBufferedMessages)) {
    interpose_connect();
    paho_.set_callback(*this);
    // MQTT 3.1.1 has no DISCONNECT from the broker, and Paho C hands over uninitialised properties there.
    if (options.mqtt_version < MQTTVERSION_5) return;
    // Paho C 1.3.12 calls this and nothing else: not connection_lost (paho.mqtt.c #1619).
    paho_.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
      end({.why = "the broker ended it: " + reason_text(reason)});
    });
  }

  void connect(const std::string& password) {
    mqtt::connect_options connect;
    connect.set_mqtt_version(options_.mqtt_version);
    if (options_.mqtt_version >= MQTTVERSION_5) {
      connect.set_clean_start(true);
    } else {
      connect.set_clean_session(true);
      if (!password.empty()) connect.set_user_name(user_name(options_.client_id));
    }
    if (!password.empty()) connect.set_password(mqtt::binary_ref(password));
    connect.set_keep_alive_interval(options_.keep_alive);
    connect.set_connect_timeout(kConnectTimeout);
    connect.set_max_inflight(kPahoBufferedMessages);
    connect.set_automatic_reconnect(false);
    if (uses_tls(options_.uri)) connect.set_ssl(paho_tls(options_.tls));
    if (options_.will) {
      connect.set_will_message(mqtt::message(options_.will->topic, options_.will->payload, 1, true));
    }
    paho_.connect(std::move(connect), nullptr, *this);
  }

  bool alive() const { return paho_.is_connected(); }

  void ask() { paho_.unsubscribe(std::string(kNobodysFilter), nullptr, *this); }

  void publish(const Link::Publish& message, std::uint64_t number) {
    // The number travels as Paho's context pointer, which nobody follows.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    paho_.publish(make_paho_message(message), reinterpret_cast<void*>(number), *this);
  }

 private:
  void on_success(const mqtt::token& token) override {
    switch (token.get_type()) {
      case mqtt::token::CONNECT:
        return on_connect_accepted(token);
      case mqtt::token::SUBSCRIBE:
        return on_subscribe_answered(token);
      case mqtt::token::PUBLISH:
        return on_publish_answered(token);
      case mqtt::token::UNSUBSCRIBE:
        return answered();
      default:
        return;
    }
  }

  void on_failure(const mqtt::token& token) override {
    switch (token.get_type()) {
      case mqtt::token::CONNECT:
        return end({.why = why_failed(token), .refused = refuses_password(token)});
      case mqtt::token::SUBSCRIBE:
        return end({.why = "the subscription was refused: " + why_failed(token)});
      case mqtt::token::PUBLISH:
        return events_.on_published(number_of(token), false);
      case mqtt::token::UNSUBSCRIBE:  // refused, which is an answer
        return answered();
      default:
        return;
    }
  }

  void on_connect_accepted(const mqtt::token& token) {
    if (std::exchange(accepted_, true)) return;  // Paho C++ tells it twice
    window_ = window_from(token);
    if (options_.subscriptions.empty()) return events_.on_ready(window_);
    std::vector<std::string> filters;
    mqtt::async_client::qos_collection qos;
    for (const auto& subscription : options_.subscriptions) {
      filters.push_back(subscription.filter);
      qos.push_back(subscription.qos);
    }
    try {
      paho_.subscribe(mqtt::string_collection::create(std::move(filters)), qos, nullptr, *this);
    } catch (const mqtt::exception& e) {
      end({.why = std::string("cannot subscribe: ") + e.what()});
    }
  }

  // One below the Receive Maximum (MQTT 5 3.2.2.3.3): at it, Paho 1.3.12 sleeps for a second.
  std::size_t window_from(const mqtt::token& token) const {
    if (options_.mqtt_version < MQTTVERSION_5) return kMaxWindow;
    const auto response = token.get_connect_response();
    const auto& properties = response.get_properties();
    if (!properties.contains(mqtt::property::RECEIVE_MAXIMUM)) return kMaxWindow;
    const auto maximum = mqtt::get<std::uint16_t>(properties, mqtt::property::RECEIVE_MAXIMUM);
    return std::clamp<std::size_t>(maximum, 2, kMaxWindow + 1) - 1;
  }

  void on_subscribe_answered(const mqtt::token& token) {
    const auto codes = token.get_subscribe_response().get_reason_codes();
    for (std::size_t i = 0; i < codes.size() && i < options_.subscriptions.size(); ++i) {
      if (codes[i] >= kFirstFailureCode) {
        return end({.why = "the subscription to " + options_.subscriptions[i].filter +
                           " was refused: " + reason_text(codes[i])});
      }
    }
    events_.on_ready(window_);
  }

  void on_publish_answered(const mqtt::token& token) {
    const int reason = token.get_reason_code();
    const bool refused = reason >= kFirstFailureCode && reason != mqtt::MQTTPP_V3_CODE;
    events_.on_published(number_of(token), !refused);
  }

  void answered() const {
    if (events_.on_answer) events_.on_answer();
  }

  void connection_lost(const std::string&) override { end({.why = "the connection was lost"}); }

  void message_arrived(mqtt::const_message_ptr message) override {
    const auto& properties = message->get_properties();
    std::string correlation;
    if (properties.contains(mqtt::property::CORRELATION_DATA)) {
      correlation = mqtt::get<std::string>(properties, mqtt::property::CORRELATION_DATA);
    }
    events_.on_message({.topic = message->get_topic(),
                        .payload = message->get_payload(),
                        .correlation_data = correlation,
                        .retained = message->is_retained()});
  }

  static std::uint64_t number_of(const mqtt::token& token) {
    return reinterpret_cast<std::uint64_t>(token.get_user_context());
  }

  void end(const SessionEnd& how) {
    if (!ended_.exchange(true)) events_.on_end(how);
  }

  const LinkOptions& options_;
  const SessionEvents events_;
  std::atomic<bool> ended_ = false;
  // Touched in Paho's callbacks only, which its lock keeps apart.
  bool accepted_ = false;
  std::size_t window_ = kMaxWindow;

  mqtt::async_client paho_;  // last: its destructor may still call back
};

Session::Session(const LinkOptions& options, SessionEvents events)
    : client_(std::make_unique<Client>(options, std::move(events))) {}

Session::~Session() = default;

void Session::connect(const std::string& password) {
  client_->connect(password);
}

bool Session::alive() const {
  return client_->alive();
}

void Session::ask() {
  client_->ask();
}

void Session::publish(const Link::Publish& message, std::uint64_t number) {
  client_->publish(message, number);
}

}  // namespace duet
