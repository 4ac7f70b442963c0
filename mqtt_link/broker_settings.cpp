#include "mqtt_link/broker_settings.h"

#include "file_io/secret_file.h"
#include "service/toml_section.h"

namespace duet {

BrokerSettings read_broker_settings(TomlSection section, Role role) {
  const std::string plain = "duet-" + std::string(to_string(role));
  BrokerSettings settings;
  settings.uri = section.text("uri", settings.uri);
  settings.token_file = section.required_text("token_file");
  settings.client_id = section.text("client_id", plain);
  settings.tls.ca_file = section.text("ca_file", "");
  settings.tls.certificate_file = section.text("certificate_file", "");
  settings.tls.key_file = section.text("key_file", "");
  if (settings.tls.certificate_file.empty() != settings.tls.key_file.empty()) {
    section.fail("key_file", "and certificate_file belong together");
  }
  const auto parts = parse_service_client_id(settings.client_id);
  if (!parts || parts->role != role) {
    section.fail("client_id", "must be " + plain + " or " + plain + ".<instance>");
  }
  section.refuse_unknown_keys();
  return settings;
}

LinkOptions link_options(const BrokerSettings& settings) {
  LinkOptions options;
  options.uri = settings.uri;
  options.tls = settings.tls;
  options.client_id = settings.client_id;
  options.password = [file = settings.token_file] { return read_secret_line(file); };
  options.ask_broker = true;
  return options;
}

}  // namespace duet
