#include "supervisor/ready_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <regex>
#include <system_error>

#include "file_io/secret_file.h"

namespace duet {
namespace {

// " (for 12 s)" and "for 12 s", which change with each second.
std::vector<std::string> without_times(std::vector<std::string> reasons) {
  static const std::regex ago(R"( ?\(?for \d+ s\)?)");
  for (auto& reason : reasons) reason = std::regex_replace(reason, ago, "");
  return reasons;
}

}  // namespace

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
  json["ready"] = state.health.ready;
  json["reasons"] = without_times(state.health.reasons);
  auto& processes = json["processes"] = nlohmann::ordered_json::object();
  for (const auto& [name, report] : state.parts) {
    processes[name] = nlohmann::ordered_json{
        {"ready", report.ready}, {"live", report.live}, {"reasons", without_times(report.reasons)}};
  }
  json["supervisor"] = state.supervisor;
  json["pids"] = state.pids;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void write_ready(const std::filesystem::path& file, const std::string& text) try {
  write_file_atomically(file, text, kSecretMode);
} catch (const std::system_error&) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) throw;
  // In one call, and never shorter than before until it is whole: a reader always finds one object.
  const auto size = static_cast<std::size_t>(std::max<off_t>(::lseek(fd, 0, SEEK_END), 0));
  std::string padded = text;
  padded.resize(std::max(size, text.size()), ' ');
  const bool written = ::pwrite(fd, padded.data(), padded.size(), 0) == static_cast<ssize_t>(padded.size());
  ::close(fd);
  if (!written) throw;
}

}  // namespace duet
