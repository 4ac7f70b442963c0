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
  nlohmann::ordered_json json{
      {"mqtt", mqtt_uri(state.ports)}, {"ws", websocket_uri(state.ports)}, {"http", http}};
  if (state.tls) {
    const nlohmann::json ca = state.tls->ca ? nlohmann::json(*state.tls->ca) : nlohmann::json();
    json["tls"] = nlohmann::ordered_json{
        {"mqtts", state.tls->mqtts}, {"wss", state.tls->wss}, {"https", state.tls->https}, {"ca", ca}};
  }
  json["supervisor"] = state.supervisor;
  json["pids"] = state.pids;
  return json.dump() + "\n";
}

}  // namespace duet
