#include "supervisor/programs.h"

#include <cstdlib>
#include <stdexcept>

#include "supervisor/process.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

fs::path bin_directory() {
  return fs::read_symlink("/proc/self/exe").parent_path();
}

fs::path require(const fs::path& path) {
  if (!fs::exists(path))
    throw std::runtime_error(path.string() + " is missing: build it first (scripts/run)");
  return path;
}

}  // namespace

Programs find_programs() {
  const auto broker = find_program("mosquitto");
  if (!broker) throw std::runtime_error("mosquitto is not installed (Debian package mosquitto)");
  const fs::path bin = bin_directory();
  const fs::path top = bin.parent_path();
  return Programs{.broker = *broker,
                  .broker_template = require(top / "share" / "duet" / "mosquitto.conf"),
                  .plugin = require(top / "lib" / "duet_plugin.so"),
                  .store = require(bin / "duet-store"),
                  .gateway = require(bin / "duet-ws"),
                  .auth = require(bin / "duet-auth"),
                  .keys = require(bin / "duet-keys"),
                  .push = require(bin / "duet-push")};
}

fs::path find_node() {
  const auto node = find_program("node");
  if (!node) throw std::runtime_error("node is not installed (Debian package nodejs)");
  return *node;
}

ProxyPrograms find_proxy() {
  const auto proxy = find_program("haproxy");
  if (!proxy) throw std::runtime_error("haproxy is not installed (Debian package haproxy)");
  const fs::path share = bin_directory().parent_path() / "share" / "duet";
  return ProxyPrograms{.proxy = *proxy,
                       .proxy_template = require(share / "haproxy.cfg"),
                       .services_template = require(share / "services.cfg")};
}

fs::path push_program() {
  return bin_directory() / "duet-push";
}

fs::path client_program() {
  return bin_directory() / "duet";
}

std::map<std::string, std::string> broker_environment() {
  std::map<std::string, std::string> environment = utc_environment();
#ifdef DUET_SANITIZER_RUNTIME
  const char* options = std::getenv("ASAN_OPTIONS");
  // With the C++ library before the broker, which has none: the runtime looks for the function that throws
  // when it is loaded, and ends the process at the first exception if it did not find it.
  environment["LD_PRELOAD"] = DUET_SANITIZER_RUNTIME ":libstdc++.so.6";
  // What the broker itself leaks at its end is not ours to mend.
  environment["ASAN_OPTIONS"] = std::string(options == nullptr ? "" : options) + ":detect_leaks=0";
#endif
  return environment;
}

std::map<std::string, std::string> utc_environment() {
  return {{"TZ", "UTC0"}};
}

}  // namespace duet
