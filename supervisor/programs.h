// supervisor/programs.h: where the platform's programs are: beside this one, as the build and an installation
// lay them out (bin/, lib/, share/).
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace duet {

struct Programs {
  std::filesystem::path broker;           // Mosquitto, of the system
  std::filesystem::path broker_template;  // share/duet/mosquitto.conf
  std::filesystem::path plugin;           // lib/duet_plugin.so
  std::filesystem::path store;            // bin/duet-store
  std::filesystem::path gateway;          // bin/duet-ws
  std::filesystem::path auth;             // bin/duet-auth
  std::filesystem::path keys;             // bin/duet-keys
  std::filesystem::path push;             // bin/duet-push
};

// What the front door needs besides.
struct ProxyPrograms {
  std::filesystem::path proxy;              // HAProxy, of the system
  std::filesystem::path proxy_template;     // share/duet/haproxy.cfg
  std::filesystem::path services_template;  // share/duet/services.cfg
};

// Node.js, of the system, for the double of the push services. Throws as below.
std::filesystem::path find_node();

// Throws std::runtime_error naming what is missing.
Programs find_programs();
ProxyPrograms find_proxy();

// bin/duet, the command line client. Not checked to be there.
std::filesystem::path client_program();
// bin/duet-push; as above.
std::filesystem::path push_program();

// What must be set for the broker, which is not built by us: in a build with a sanitizer, that one's runtime
// must be loaded before everything else.
std::map<std::string, std::string> broker_environment();

// For programs of the system whose logs have local time: they write UTC, as ours do.
std::map<std::string, std::string> utc_environment();

}  // namespace duet
