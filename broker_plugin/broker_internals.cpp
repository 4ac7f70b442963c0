#include "broker_plugin/broker_internals.h"

#include <dlfcn.h>
#include <mosquitto.h>

#include <algorithm>

namespace duet {
namespace {

// The signatures below are those of 2.0. A plugin that is built for another broker does without.
constexpr bool kKnownBroker = LIBMOSQUITTO_MAJOR == 2 && LIBMOSQUITTO_MINOR == 0;

constexpr const char* kCheckOversize = "packet__check_oversize";
constexpr const char* kSendDisconnect = "send__disconnect";
constexpr const char* kSendConnack = "send__connack";

template <typename Function>
void find(Function& function, const char* name) {
  function = kKnownBroker ? reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name)) : nullptr;
}

// MQTT 5 1.5.5.
constexpr std::size_t variable_bytes(std::size_t value) {
  std::size_t bytes = 1;
  for (; value >= 128; value /= 128) ++bytes;
  return bytes;
}

}  // namespace

BrokerInternals::BrokerInternals() {
  find(check_oversize_, kCheckOversize);
  find(send_disconnect_, kSendDisconnect);
  find(send_connack_, kSendConnack);
}

// The broker is asked for a Remaining Length; it adds the length of that number, but not the first byte.
bool BrokerInternals::can_receive(const mosquitto* client, std::size_t packet_bytes) const {
  if (check_oversize_ == nullptr) return true;
  constexpr std::size_t kMaxVariableBytes = 4;
  const auto remaining = packet_bytes - std::min(packet_bytes, kMaxVariableBytes);
  const auto asked = packet_bytes - std::min(packet_bytes, variable_bytes(remaining));
  return check_oversize_(const_cast<mosquitto*>(client), static_cast<std::uint32_t>(asked)) ==
         MOSQ_ERR_SUCCESS;
}

void BrokerInternals::send_disconnect(const mosquitto* client, std::uint8_t reason) const {
  if (send_disconnect_ != nullptr) send_disconnect_(const_cast<mosquitto*>(client), reason, nullptr);
}

bool BrokerInternals::refuse_connect(const mosquitto* client, std::uint8_t code) const {
  if (send_connack_ == nullptr) return false;
  return send_connack_(const_cast<mosquitto*>(client), 0, code, nullptr) == MOSQ_ERR_SUCCESS;
}

std::string BrokerInternals::missing() const {
  std::string names;
  const auto note = [&](bool there, const char* name) {
    if (!there) names += (names.empty() ? "" : ", ") + std::string(name);
  };
  note(check_oversize_ != nullptr, kCheckOversize);
  note(send_disconnect_ != nullptr, kSendDisconnect);
  note(send_connack_ != nullptr, kSendConnack);
  return names;
}

}  // namespace duet
