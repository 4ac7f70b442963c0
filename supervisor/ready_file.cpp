#include "supervisor/ready_file.h"

#include <nlohmann/json.hpp>

namespace duet {

std::string mqtt_uri(const Ports& ports) {
  return "mqtt://127.0.0.1:" + std::to_string(ports.mqtt);
}

std::string websocket_uri(const Ports& ports) {
  return "ws://127.0.0.1:" + std::to_string(ports.websocket) + kWebSocketPath;
}

std::string http_url(const Ports& ports) {
  return "http://127.0.0.1:" + std::to_string(ports.http);
}

std::string format_ready(const ReadyState& state) {
  const nlohmann::json http = state.http ? nlohmann::json(http_url(state.ports)) : nlohmann::json();
  const nlohmann::ordered_json json{{"mqtt", mqtt_uri(state.ports)},
                                    {"ws", websocket_uri(state.ports)},
                                    {"http", http},
                                    {"supervisor", state.supervisor},
                                    {"pids", state.pids}};
  return json.dump() + "\n";
}

}  // namespace duet
