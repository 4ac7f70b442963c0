#include "auth_service/broker_link.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "protocol/topic.h"

namespace duet {
namespace {

LinkOptions options(const BrokerSettings& broker) {
  auto options = link_options(broker);
  options.subscriptions = {{format_topic(ServiceTopic{"store", ServiceKind::names}), 1}};
  return options;
}

// How soon a new token is seen, and what did not get through is told again.
constexpr std::chrono::seconds kInterval{1};

}  // namespace

BrokerLink::BrokerLink(const BrokerSettings& broker, AuthDatabase& database, std::vector<UserId> bots,
                       Health& health)
    : connection_(health.add_state("not connected to the broker yet")),
      turns_(health.add_loop("the renewal of tokens")),
      feed_(database,
            [this](Link::Publish message, std::function<void(bool)> on_done) {
              return link_.publish(std::move(message), std::move(on_done));
            }),
      names_(database, std::move(bots),
             [this](Link::Publish message) { return link_.publish(std::move(message)); }),
      token_("auth", broker.token_file),
      link_(options(broker), handlers()) {
  health.add_check([this](auto) { return link_.silence(); });
}

void BrokerLink::start() {
  link_.start();
  keeping_up_ = std::jthread([this](const std::stop_token& stop) { keep_up(stop); });
}

LinkHandlers BrokerLink::handlers() {
  return {.on_connected =
              [this] {
                tell_all();
                names_.connected();
              },
          .on_message = [this](const LinkMessage& message) { names_.answered(message.payload); },
          .on_state = [this](const std::string& state) { on_state(state); }};
}

void BrokerLink::on_state(const std::string& state) {
  spdlog::info("broker: {}", state);
  if (link_.connected()) return connection_.good();
  connection_.bad("not connected to the broker: " + state);
}

void BrokerLink::tell_all() {
  try {
    feed_.tell_all();
  } catch (const std::exception& error) {
    spdlog::error("the revocations cannot be told, trying again: {}", error.what());
  }
}

void BrokerLink::keep_up(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    never.wait_for(lock, stop, kInterval, [] { return false; });
    if (stop.stop_requested()) return;
    turns_.turned();
    token_.check([this](Link::Publish message) { return link_.publish(std::move(message)); });
    if (!link_.connected()) continue;
    if (feed_.behind()) tell_all();
    names_.tick(std::chrono::steady_clock::now());
  }
}

}  // namespace duet
