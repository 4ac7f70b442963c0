// supervisor/generated_config.h: the configuration files of the platform's processes, made anew at each
// start.
//
// Pure: text out.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "supervisor/layout.h"
#include "supervisor/options.h"
#include "supervisor/platform_config.h"

namespace duet {

struct BrokerSetting {
  std::filesystem::path plugin;
  std::string user;  // whom the broker becomes when it is started as root
};

// The auth service as the broker knows it: an identity provider (acl/issuers.h) whose tokens open chat
// sessions and nothing else, whoever gets hold of its keys.
std::string platform_issuers(const Layout& layout, const Ports& ports, const PlatformConfig& config);

// `conf_template` is the mosquitto.conf that the platform ships. Throws std::runtime_error when it does not
// fit.
std::string broker_config(std::string_view conf_template, const Layout& layout, const Ports& ports,
                          const PlatformConfig& config, const BrokerSetting& setting);

std::string store_config(const Layout& layout, const Ports& ports, const PlatformConfig& config);

std::string auth_config(const Layout& layout, const Ports& ports, const PlatformConfig& config);

// Of the gateway, which comes to the broker by a unix socket, or by TCP where there can be none.
std::string gateway_config(const Layout& layout, const Ports& ports, const PlatformConfig& config);

// Whether the broker can listen on Layout::broker_socket(): the name of a unix socket is short (unix(7)), and
// Mosquitto's configuration cannot name one that has a space.
bool has_broker_socket(const Layout& layout);

}  // namespace duet
