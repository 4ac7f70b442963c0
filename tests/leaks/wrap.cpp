// The wrapped functions of the broker (CMakeLists.txt): what the product's plugin calls is __wrap_X, and the
// broker's own is __real_X (ld, --wrap).

#include <array>
#include <cstring>

#include "tests/leaks/leaky_plugin.h"

namespace {

duet::LeakyPlugin leaky;
std::array<MOSQ_FUNC_generic_callback, 32> product{};  // by event

int on_event(int event, void* data, void* self) {
  const auto real = [event, self](void* given) {
    return product.at(static_cast<std::size_t>(event))(event, given, self);
  };
  switch (event) {
    case MOSQ_EVT_BASIC_AUTH:
      return leaky.basic_auth(*static_cast<mosquitto_evt_basic_auth*>(data), real);
    case MOSQ_EVT_ACL_CHECK:
      return leaky.acl_check(*static_cast<mosquitto_evt_acl_check*>(data), real);
    case MOSQ_EVT_MESSAGE:
      return leaky.message(*static_cast<mosquitto_evt_message*>(data), real);
    case MOSQ_EVT_DISCONNECT:
      leaky.disconnect(*static_cast<mosquitto_evt_disconnect*>(data));
      break;
    default:
      break;
  }
  return real(data);
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
extern "C" {

int __real_mosquitto_callback_register(mosquitto_plugin_id_t*, int, MOSQ_FUNC_generic_callback, const void*,
                                       void*);
int __real_mosquitto_callback_unregister(mosquitto_plugin_id_t*, int, MOSQ_FUNC_generic_callback,
                                         const void*);
int __real_mosquitto_broker_publish(const char*, const char*, int, void*, int, bool, mosquitto_property*);
int __real_mosquitto_kick_client_by_clientid(const char*, bool);

int __wrap_mosquitto_callback_register(mosquitto_plugin_id_t* plugin, int event,
                                       MOSQ_FUNC_generic_callback callback, const void* data, void* self) {
  product.at(static_cast<std::size_t>(event)) = callback;
  return __real_mosquitto_callback_register(plugin, event, on_event, data, self);
}

int __wrap_mosquitto_callback_unregister(mosquitto_plugin_id_t* plugin, int event, MOSQ_FUNC_generic_callback,
                                         const void* data) {
  return __real_mosquitto_callback_unregister(plugin, event, on_event, data);
}

int __wrap_mosquitto_broker_publish(const char* client_id, const char* topic, int size, void* payload,
                                    int qos, bool retain, mosquitto_property* properties) {
  const std::string_view bytes(static_cast<const char*>(payload), static_cast<std::size_t>(size));
  const auto also = [&](const std::string& other) {
    void* copy = mosquitto_malloc(bytes.size());
    std::memcpy(copy, bytes.data(), bytes.size());
    __real_mosquitto_broker_publish(nullptr, other.c_str(), size, copy, qos, false, nullptr);
  };
  if (!leaky.publish(topic, bytes, retain, also)) {
    mosquitto_free(payload);
    mosquitto_property_free_all(&properties);
    return MOSQ_ERR_SUCCESS;
  }
  return __real_mosquitto_broker_publish(client_id, topic, size, payload, qos, retain, properties);
}

int __wrap_mosquitto_kick_client_by_clientid(const char* client_id, bool with_will) {
  if (!leaky.kicks()) return MOSQ_ERR_SUCCESS;
  return __real_mosquitto_kick_client_by_clientid(client_id, with_will);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
