// broker_plugin/plugin.cpp: the C boundary to Mosquitto (plugin API 5). No decisions: each callback becomes
// one call of Gate. Nothing is thrown out of here, and a failure denies.
//
// Mosquitto calls everything from the one thread of its loop.

// In this order: the headers of 2.0 do not include what they need.
// clang-format off
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
// clang-format on

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker_plugin/backlog.h"
#include "broker_plugin/broker_internals.h"
#include "broker_plugin/gate.h"
#include "broker_plugin/key_files.h"
#include "broker_plugin/options.h"
#include "broker_plugin/plugin_health.h"
#include "file_io/core_dumps.h"

namespace duet {
namespace {

std::string_view view(const char* text) {
  return text != nullptr ? std::string_view(text) : std::string_view();
}

std::string_view bytes(const void* data, std::size_t size) {
  return data != nullptr ? std::string_view(static_cast<const char*>(data), size) : std::string_view();
}

int to_mosquitto(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return MOSQ_LOG_DEBUG;
    case LogLevel::notice:
      return MOSQ_LOG_NOTICE;
    case LogLevel::warning:
      return MOSQ_LOG_WARNING;
    case LogLevel::error:
      return MOSQ_LOG_ERR;
  }
  return MOSQ_LOG_ERR;
}

class MosquittoBroker : public BrokerPort {
 public:
  // The broker takes over payload and properties and frees them with its own functions, so they are made with
  // those. (mosquitto_broker_publish_copy makes them with others: its account of memory goes wrong.)
  void publish(const OutgoingMessage& message) override {
    void* payload = nullptr;
    if (!message.payload.empty()) {
      payload = mosquitto_malloc(message.payload.size());
      if (payload == nullptr) throw std::bad_alloc();
      std::memcpy(payload, message.payload.data(), message.payload.size());
    }
    mosquitto_property* properties = nullptr;
    int result = add_correlation(&properties, message);
    if (result == MOSQ_ERR_SUCCESS) {
      topic_ = message.topic;  // with a NUL behind it
      result = mosquitto_broker_publish(nullptr, topic_.c_str(), static_cast<int>(message.payload.size()),
                                        payload, static_cast<int>(message.qos), message.retain, properties);
    }
    if (result == MOSQ_ERR_SUCCESS) return;
    mosquitto_free(payload);
    mosquitto_property_free_all(&properties);
    throw std::runtime_error("cannot publish to " + std::string(message.topic) + ": error " +
                             std::to_string(result));
  }

  void kick(const std::string& client_id) override {
    mosquitto_kick_client_by_clientid(client_id.c_str(), true);
  }

  void tell_taken_over(Connection connection) override {
    const auto* client = static_cast<const mosquitto*>(connection);
    if (mosquitto_client_protocol_version(client) != kMqtt5) return;
    internals_.send_disconnect(client, MQTT_RC_SESSION_TAKEN_OVER);
  }

  bool can_receive(Connection connection, std::size_t packet_bytes) const override {
    return internals_.can_receive(static_cast<const mosquitto*>(connection), packet_bytes);
  }

  // False: the client is not told.
  bool refuse_for_now(const mosquitto* client) const {
    constexpr std::uint8_t kRateExceeded = MQTT_RC_CONNECTION_RATE_EXCEEDED;   // MQTT 5 3.2.2.2
    constexpr std::uint8_t kUnavailable = CONNACK_REFUSED_SERVER_UNAVAILABLE;  // MQTT 3.1.1 3.2.2.3
    const bool mqtt5 = mosquitto_client_protocol_version(client) == kMqtt5;
    return internals_.refuse_connect(client, mqtt5 ? kRateExceeded : kUnavailable);
  }

  std::string missing_internals() const { return internals_.missing(); }

  void log(LogLevel level, const std::string& text) override {
    mosquitto_log_printf(to_mosquitto(level), "duet: %s", text.c_str());
  }

 private:
  static int add_correlation(mosquitto_property** properties, const OutgoingMessage& message) {
    if (!message.correlation) return MOSQ_ERR_SUCCESS;
    return mosquitto_property_add_binary(properties, MQTT_PROP_CORRELATION_DATA, message.correlation->data(),
                                         static_cast<std::uint16_t>(message.correlation->size()));
  }

  static constexpr int kMqtt5 = 5;

  const BrokerInternals internals_;
  std::string topic_;  // keeps its capacity
};

// A callback, registered for as long as this lives.
class Callback {
 public:
  using Function = int (*)(int, void*, void*);

  Callback(mosquitto_plugin_id_t* plugin, int event, Function function, void* self)
      : plugin_(plugin), event_(event), function_(function) {
    const int result = mosquitto_callback_register(plugin, event, function, nullptr, self);
    if (result != MOSQ_ERR_SUCCESS) {
      throw std::runtime_error("cannot register for event " + std::to_string(event) + ": error " +
                               std::to_string(result));
    }
  }
  ~Callback() { mosquitto_callback_unregister(plugin_, event_, function_, nullptr); }
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

 private:
  mosquitto_plugin_id_t* plugin_;
  int event_;
  Function function_;
};

template <typename Body>
int guarded(int on_failure, Body body) noexcept {
  try {
    return body();
  } catch (const std::exception& e) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "duet: %s", e.what());
  } catch (...) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "duet: unknown exception");
  }
  return on_failure;
}

Moment now() {
  return {std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()),
          std::chrono::steady_clock::now()};
}

Client client_of(const mosquitto* client) {
  return {client, view(mosquitto_client_id(client)), view(mosquitto_client_username(client))};
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (!std::getline(file, id)) throw std::runtime_error("the kernel does not tell its boot id");
  return id;
}

Options load_options(std::span<const mosquitto_opt> given) {
  std::vector<OptionText> texts;
  for (const auto& option : given) texts.push_back({view(option.key), view(option.value)});
  auto options = parse_options(texts);
  if (!options) throw std::runtime_error(options.error());
  return *std::move(options);
}

int on_basic_auth(int event, void* data, void* self) noexcept;
int on_auth_start(int event, void* data, void* self) noexcept;
int on_auth_continue(int event, void* data, void* self) noexcept;
int on_acl_check(int event, void* data, void* self) noexcept;
int on_message(int event, void* data, void* self) noexcept;
int on_tick(int event, void* data, void* self) noexcept;
int on_disconnect(int event, void* data, void* self) noexcept;
int on_reload(int event, void* data, void* self) noexcept;

// Owned by the broker, through the plugin's user data.
struct Plugin {
  Plugin(mosquitto_plugin_id_t* id, Options given)
      : options(std::move(given)),
        keys(options),
        gate(options, keys.read(), boot_id(), broker),
        basic_auth(id, MOSQ_EVT_BASIC_AUTH, on_basic_auth, this),
        auth_start(id, MOSQ_EVT_EXT_AUTH_START, on_auth_start, this),
        auth_continue(id, MOSQ_EVT_EXT_AUTH_CONTINUE, on_auth_continue, this),
        acl_check(id, MOSQ_EVT_ACL_CHECK, on_acl_check, this),
        message(id, MOSQ_EVT_MESSAGE, on_message, this),
        tick(id, MOSQ_EVT_TICK, on_tick, this),
        disconnect(id, MOSQ_EVT_DISCONNECT, on_disconnect, this),
        reload(id, MOSQ_EVT_RELOAD, on_reload, this) {
    tell_problems();
    if (const auto missing = broker.missing_internals(); !missing.empty()) {
      broker.log(LogLevel::warning,
                 "this broker has no " + missing +
                     ": clients are not told that their session is taken over, and have to "
                     "say 'max_bytes' themselves");
    }
  }

  void read_keys() {
    gate.set_tokens(keys.read());
    broker.log(LogLevel::notice, "keys read again");
    tell_problems();
  }
  // The first tick comes when the broker listens.
  void begin() {
    if (std::exchange(begun, true)) return;
    try {
      health.emplace(options);
    } catch (const std::exception& error) {
      broker.log(LogLevel::error, error.what());
    }
    if (widen_backlogs(kBacklog) == 0) broker.log(LogLevel::warning, "the broker listens nowhere");
  }
  void tell_problems() {
    for (const auto& problem : keys.problems()) broker.log(LogLevel::error, problem);
  }

  const Options options;
  MosquittoBroker broker;
  KeyFiles keys;
  Gate gate;
  std::optional<PluginHealth> health;  // from the first tick on, where it could listen
  bool begun = false;
  Callback basic_auth;
  Callback auth_start;
  Callback auth_continue;
  Callback acl_check;
  Callback message;
  Callback tick;
  Callback disconnect;
  Callback reload;
};

Plugin& plugin_of(void* self) {
  return *static_cast<Plugin*>(self);
}

ConnectRequest request_of(const mosquitto* client, std::string_view user_name, std::string_view token) {
  const bool websocket = mosquitto_client_protocol(client) == mp_websockets;
  return {client,    view(mosquitto_client_id(client)),     user_name, token,
          websocket, view(mosquitto_client_address(client))};
}

// Ends a connection in the middle of its AUTH. With any other answer Mosquitto 2.0 sends a second CONNACK;
// and to an AUTH without a reason code, which it takes for the continuation of a first authentication, it
// frees the client id while its table of client ids still points to it (handle_auth.c). A kick has put an end
// to all that before it looks at the answer.
int close_connection(Plugin& plugin, const mosquitto* client) {
  plugin.broker.kick(std::string(view(mosquitto_client_id(client))));
  return MOSQ_ERR_CONN_LOST;
}

// Anything but MOSQ_ERR_AUTH (and MOSQ_ERR_NOT_SUPPORTED for Enhanced Authentication) closes the connection
// without a CONNACK of the broker's.
int carry_out(const ConnectDecision& decision, mosquitto* client, Plugin& plugin) {
  switch (decision.verdict) {
    case ConnectVerdict::refuse:
      return MOSQ_ERR_AUTH;
    case ConnectVerdict::refuse_for_now:
      return plugin.broker.refuse_for_now(client) ? MOSQ_ERR_UNKNOWN : MOSQ_ERR_AUTH;
    case ConnectVerdict::keep:
      return MOSQ_ERR_SUCCESS;
    case ConnectVerdict::close:
      return close_connection(plugin, client);
    case ConnectVerdict::unknown_method:
      return MOSQ_ERR_NOT_SUPPORTED;
    case ConnectVerdict::accept:
      break;
  }
  if (mosquitto_set_username(client, Gate::user_name_of(*decision.principal).c_str()) != MOSQ_ERR_SUCCESS) {
    return MOSQ_ERR_AUTH;
  }
  plugin.gate.admit(client, *decision.principal);
  return MOSQ_ERR_SUCCESS;
}

int on_basic_auth(int /*event*/, void* data, void* self) noexcept {
  return guarded(MOSQ_ERR_AUTH, [&] {
    const auto& e = *static_cast<const mosquitto_evt_basic_auth*>(data);
    auto& plugin = plugin_of(self);
    const auto request = request_of(e.client, view(e.username), view(e.password));
    return carry_out(plugin.gate.connect(request, now()), e.client, plugin);
  });
}

int on_auth_start(int /*event*/, void* data, void* self) noexcept {
  return guarded(MOSQ_ERR_AUTH, [&] {
    const auto& e = *static_cast<const mosquitto_evt_extended_auth*>(data);
    auto& plugin = plugin_of(self);
    const auto request =
        request_of(e.client, view(mosquitto_client_username(e.client)), bytes(e.data_in, e.data_in_len));
    return carry_out(plugin.gate.authenticate(request, view(e.auth_method), now()), e.client, plugin);
  });
}

// Our method has one step, so nothing is ever continued. Must not answer MOSQ_ERR_SUCCESS: the broker would
// connect a connection again that is connected; after MOSQ_ERR_AUTH_CONTINUE it only waits.
int on_auth_continue(int /*event*/, void* data, void* self) noexcept {
  return guarded(MOSQ_ERR_AUTH_CONTINUE, [&] {
    const auto& e = *static_cast<const mosquitto_evt_extended_auth*>(data);
    return close_connection(plugin_of(self), e.client);
  });
}

// Anything but MOSQ_ERR_ACL_DENIED would close the connection, for READ another client's.
int on_acl_check(int /*event*/, void* data, void* self) noexcept {
  return guarded(MOSQ_ERR_ACL_DENIED, [&] {
    const auto& e = *static_cast<const mosquitto_evt_acl_check*>(data);
    auto& gate = plugin_of(self).gate;
    const auto client = client_of(e.client);
    bool allowed = false;
    switch (e.access) {
      case MOSQ_ACL_READ:
        allowed = gate.may_receive(client, view(e.topic), e.payloadlen, now());
        break;
      case MOSQ_ACL_WRITE:
        allowed = gate.may_publish(client, {view(e.topic), bytes(e.payload, e.payloadlen)}, e.retain, now());
        break;
      case MOSQ_ACL_SUBSCRIBE:
        allowed = gate.may_subscribe(client, view(e.topic), now());
        break;
      case MOSQ_ACL_UNSUBSCRIBE:
        allowed = gate.may_unsubscribe(client, view(e.topic));
        break;
      default:
        break;
    }
    return allowed ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
  });
}

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};

// The broker frees what it had, and later this.
void replace_payload(mosquitto_evt_message& e, std::string_view payload) {
  void* copy = mosquitto_malloc(payload.size());
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, payload.data(), payload.size());
  e.payload = copy;
  e.payloadlen = static_cast<std::uint32_t>(payload.size());
}

int on_message(int /*event*/, void* data, void* self) noexcept {
  return guarded(MOSQ_ERR_ACL_DENIED, [&] {
    auto& e = *static_cast<mosquitto_evt_message*>(data);
    e.retain = false;  // nothing that a client publishes is kept by the broker
    Publish publish{view(e.topic), bytes(e.payload, e.payloadlen)};
    std::unique_ptr<void, Freed> correlation;
    if (e.properties != nullptr) {
      void* value = nullptr;
      std::uint16_t size = 0;
      if (mosquitto_property_read_binary(e.properties, MQTT_PROP_CORRELATION_DATA, &value, &size, false) !=
          nullptr) {
        correlation.reset(value);
        publish.correlation = bytes(value, size);
      }
    }
    const auto decision = plugin_of(self).gate.publish(client_of(e.client), publish, now());
    if (decision.payload) replace_payload(e, *decision.payload);
    return decision.accepted ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
  });
}

int on_tick(int /*event*/, void* /*data*/, void* self) noexcept {
  return guarded(MOSQ_ERR_SUCCESS, [&] {
    auto& plugin = plugin_of(self);
    const Moment moment = now();
    plugin.begin();
    plugin.gate.tick(moment);
    auto& health = plugin.health;
    if (health && health->due(moment.steady)) health->note(plugin.gate.status(), moment.steady);
    if (plugin.keys.changed(moment.steady)) plugin.read_keys();
    return MOSQ_ERR_SUCCESS;
  });
}

int on_disconnect(int /*event*/, void* data, void* self) noexcept {
  return guarded(MOSQ_ERR_SUCCESS, [&] {
    plugin_of(self).gate.disconnected(static_cast<const mosquitto_evt_disconnect*>(data)->client);
    return MOSQ_ERR_SUCCESS;
  });
}

// Must answer MOSQ_ERR_PLUGIN_DEFER: with anything else Mosquitto 2.0 leaves out the rest of its reload and
// frees one of its structures again at the next SIGHUP (security.c, security__init_single).
int on_reload(int /*event*/, void* /*data*/, void* self) noexcept {
  return guarded(MOSQ_ERR_PLUGIN_DEFER, [&] {
    auto& plugin = plugin_of(self);
    plugin.gate.reload();  // first of all: the questions of the reload come, whatever the files hold
    plugin.read_keys();
    return MOSQ_ERR_PLUGIN_DEFER;
  });
}

}  // namespace
}  // namespace duet

extern "C" {

__attribute__((visibility("default"))) int mosquitto_plugin_version(int supported_count,
                                                                    const int* supported_versions) {
  for (int i = 0; i < supported_count; ++i) {
    if (supported_versions[i] == MOSQ_PLUGIN_VERSION) return MOSQ_PLUGIN_VERSION;
  }
  return -1;
}

// An error stops the broker.
__attribute__((visibility("default"))) int mosquitto_plugin_init(mosquitto_plugin_id_t* identifier,
                                                                 void** user_data, mosquitto_opt* options,
                                                                 int option_count) {
  return duet::guarded(MOSQ_ERR_UNKNOWN, [&] {
    // A file size limit shall refuse a publish like a full disk, not end the broker.
    std::signal(SIGXFSZ, SIG_IGN);
    duet::forbid_core_dumps();  // the broker has tokens and messages in its memory
    const auto given = std::span<const mosquitto_opt>(options, static_cast<std::size_t>(option_count));
    *user_data = std::make_unique<duet::Plugin>(identifier, duet::load_options(given)).release();
    return MOSQ_ERR_SUCCESS;
  });
}

__attribute__((visibility("default"))) int mosquitto_plugin_cleanup(void* user_data,
                                                                    mosquitto_opt* /*options*/,
                                                                    int /*option_count*/) {
  const std::unique_ptr<duet::Plugin> plugin(static_cast<duet::Plugin*>(user_data));
  return MOSQ_ERR_SUCCESS;
}

}  // extern "C"
