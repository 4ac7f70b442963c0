// mqtt_link/broker_settings.h: how a service reaches the broker, which is the section [broker] of its
// configuration.
#pragma once

#include <filesystem>
#include <string>

#include "acl/principal.h"
#include "mqtt_link/link.h"

namespace duet {

class TomlSection;

struct BrokerSettings {
  std::string uri = "mqtt://127.0.0.1:1883";
  std::filesystem::path token_file;  // required; holds the access token of the service's role, is watched
  std::string client_id;             // duet-{role}, or duet-{role}.{instance}
  LinkTls tls;                       // ca_file, certificate_file, key_file: with a uri of mqtts://
};

// Of a service of that role. Throws as TomlSection does for a required key that is missing, an ill-typed or
// impossible value, and an unknown key.
BrokerSettings read_broker_settings(TomlSection section, Role role);

// A link with these; the token is read anew for each connection.
LinkOptions link_options(const BrokerSettings& settings);

}  // namespace duet
