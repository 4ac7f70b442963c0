// duet_kicking_plugin.so: the product's plugin, and a broker that disconnects everybody when it is told to:
// whenever the file that DUET_KICK_FILE names is there, it is removed, and every connection ends; those of
// MQTT 5 are sent DISCONNECT 0x98. The product's own sources are linked with the broker's function wrapped
// (ld,
// --wrap).

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace {

constexpr std::chrono::milliseconds kInterval{50};  // a busy broker ticks thousands of times a second

MOSQ_FUNC_generic_callback product_tick = nullptr;

bool wanted() {
  using Clock = std::chrono::steady_clock;
  static const char* const file = std::getenv("DUET_KICK_FILE");
  static Clock::time_point next;
  if (file == nullptr || Clock::now() < next) return false;
  next = Clock::now() + kInterval;
  return ::unlink(file) == 0;
}

int on_tick(int event, void* data, void* self) {
  const int result = product_tick(event, data, self);
  if (wanted()) mosquitto_kick_client_by_clientid(nullptr, true);
  return result;
}

MOSQ_FUNC_generic_callback ours(int event, MOSQ_FUNC_generic_callback product) {
  return event == MOSQ_EVT_TICK ? on_tick : product;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
extern "C" {

int __real_mosquitto_callback_register(mosquitto_plugin_id_t*, int, MOSQ_FUNC_generic_callback, const void*,
                                       void*);
int __real_mosquitto_callback_unregister(mosquitto_plugin_id_t*, int, MOSQ_FUNC_generic_callback,
                                         const void*);

int __wrap_mosquitto_callback_register(mosquitto_plugin_id_t* plugin, int event,
                                       MOSQ_FUNC_generic_callback callback, const void* data, void* self) {
  if (event == MOSQ_EVT_TICK) product_tick = callback;
  return __real_mosquitto_callback_register(plugin, event, ours(event, callback), data, self);
}

int __wrap_mosquitto_callback_unregister(mosquitto_plugin_id_t* plugin, int event,
                                         MOSQ_FUNC_generic_callback callback, const void* data) {
  return __real_mosquitto_callback_unregister(plugin, event, ours(event, callback), data);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
