// supervisor/front_door.h: HAProxy in front of everything, which ends TLS (deploy/haproxy).
//
// Pure, but for is_open.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "supervisor/layout.h"
#include "supervisor/options.h"
#include "supervisor/platform_config.h"

namespace duet {

// What clients far away are told.
std::string mqtts_uri(const Ports& ports, const PlatformConfig::Tls& tls);
std::string wss_uri(const Ports& ports, const PlatformConfig::Tls& tls);
std::string https_url(const Ports& ports, const PlatformConfig::Tls& tls);

// The settings of a platform behind the front door: the public URL is its, unless the operator has another,
// and what it says of its clients' addresses is believed.
PlatformConfig behind_front_door(PlatformConfig config, const Ports& ports);

// `conf_template`: deploy/haproxy/haproxy.cfg. Throws std::runtime_error when it does not fit, or when a path
// cannot be written into it.
std::string proxy_config(std::string_view conf_template, const Layout& layout, const Ports& ports,
                         const PlatformConfig& config, const std::filesystem::path& certificate);

// `conf_template`: deploy/haproxy/services.cfg. Only with a services_port.
std::string services_config(std::string_view conf_template, const Layout& layout,
                            const PlatformConfig& config, const std::filesystem::path& certificate);

// Of HAProxy, which opens two files for a connection and wants some in reserve.
std::uint64_t proxy_open_files(const PlatformConfig::Tls& tls);

// Whether HAProxy itself answers.
bool is_alive(const Layout& layout);

// Whether HAProxy answers, and everything behind it does by its own checks.
bool is_open(const Layout& layout);

}  // namespace duet
