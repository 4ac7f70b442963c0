// Paho MQTT C++, as a program that has never heard of Duet would use it.

#include <mqtt/async_client.h>

#include <stdexcept>

#include "tests/support/patience.h"
#include "tests/support/sdk_client.h"

namespace duet {
namespace {

// Waits for `token`; its exceptions tell what failed.
void finish(const mqtt::token_ptr& token, const std::string& what) {
  if (!token->wait_for(kPatience)) throw std::runtime_error("Paho: no answer to " + what);
}

class PahoClient final : public SdkClient {
 public:
  explicit PahoClient(const SdkAccount& account)
      : version_(account.version == MqttVersion::v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1),
        client_(account.uri("tcp", "ssl"), account.user + ":" + account.device,
                mqtt::create_options(version_)) {
    client_.set_message_callback([this](const mqtt::const_message_ptr& message) {
      receive({.topic = message->get_topic(),
               .payload = message->get_payload_str(),
               .qos = message->get_qos(),
               .correlation = {}});
    });
    finish(client_.connect(connect_options(account)), "CONNECT");
    for (const std::string& filter : account.filters) finish(client_.subscribe(filter, 1), "SUBSCRIBE");
  }

  ~PahoClient() override {
    try {
      client_.disconnect()->wait_for(kPatience);
    } catch (const mqtt::exception&) {
      // The test has its verdict already; a broken connection cannot be closed better.
    }
  }

  void publish(const std::string& topic, const std::string& payload) override {
    const auto token = client_.publish(topic, payload, 1, false);
    if (!token->wait_for(kPatience)) throw std::runtime_error("Paho: no PUBACK for " + topic);
    if (token->get_reason_code() >= mqtt::ReasonCode::UNSPECIFIED_ERROR) {
      throw std::runtime_error("Paho: PUBACK " + std::to_string(token->get_reason_code()) + " for " + topic);
    }
  }

 private:
  mqtt::connect_options connect_options(const SdkAccount& account) const {
    mqtt::connect_options options;
    options.set_mqtt_version(version_);
    if (version_ == MQTTVERSION_5) {
      options.set_clean_start(true);
    } else {
      options.set_clean_session(true);
    }
    options.set_user_name(account.user);
    options.set_password(account.token);
    if (!account.ca_file.empty()) {
      mqtt::ssl_options tls;
      tls.set_trust_store(account.ca_file);
      tls.set_verify(true);
      options.set_ssl(tls);
    }
    return options;
  }

  const int version_;
  mqtt::async_client client_;
};

}  // namespace

std::unique_ptr<SdkClient> make_paho_client(const SdkAccount& account) {
  return std::make_unique<PahoClient>(account);
}

}  // namespace duet
