// duet-auth: accounts and tokens over HTTP; signing keys, their public key sets, and tokens made by hand.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "auth_service/key_file.h"
#include "auth_service/key_ring.h"
#include "auth_service/mint.h"
#include "auth_service/serve.h"
#include "file_io/core_dumps.h"
#include "file_io/secret_file.h"
#include "service/version.h"

namespace {

constexpr std::int64_t kMaxTtlSeconds = std::int64_t{10} * 366 * 24 * 3600;
constexpr mode_t kPublicMode = 0644;

struct Options {
  std::string key;
  std::string out;
  std::string algorithm = "ES256";
  std::int64_t ttl_s = 900;
  duet::MintOptions mint;
  std::string keys;
  std::string config;
  bool handed_over = false;
  int status = EXIT_SUCCESS;
};

void require_written(std::ostream& stream) {
  if (!(stream << std::flush)) throw std::runtime_error("cannot write to the standard output");
}

// Into the file, if one is named; otherwise onto the standard output.
void put(const std::string& text, const std::string& out, mode_t mode) {
  if (!out.empty()) return duet::write_file_atomically(out, text + '\n', mode);
  std::cout << text << '\n';
  require_written(std::cout);
}

duet::SignatureAlgorithm algorithm_of(const Options& options) {
  const auto algorithm = duet::parse_signature_algorithm(options.algorithm);
  if (!algorithm) throw std::runtime_error("--alg: '" + options.algorithm + "' is not ES256, RS256 or EdDSA");
  return *algorithm;
}

duet::Timestamp now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void tell_made(const duet::SigningKey& key, const std::string& where) {
  std::cout << "made the key " << key.key_id() << " in " << where << '\n';
  require_written(std::cout);
}

void keygen(const Options& options) {
  tell_made(duet::create_key_file(options.out, algorithm_of(options)), options.out);
}

void rotate(const Options& options) {
  tell_made(duet::rotate_key(options.keys, algorithm_of(options), now()), options.keys);
}

void jwks(const Options& options) {
  put(duet::load_key_file(options.key).jwk_set(), options.out, kPublicMode);
}

void mint(Options options) {
  options.mint.ttl = std::chrono::seconds(options.ttl_s);
  const auto spec = duet::make_token_spec(options.mint, now());
  put(duet::load_key_file(options.key).sign(spec), options.out,
      options.handed_over ? duet::kHandedOverMode : duet::kSecretMode);
}

void add_service_commands(CLI::App& app, Options& options) {
  auto* serve_command = app.add_subcommand("serve", "Serve accounts and OAuth 2.0 over HTTP");
  serve_command->add_option("--config", options.config, "The configuration, a TOML file")->required();
  serve_command->callback([&options] { options.status = duet::serve_auth(options.config); });

  auto* rotate_command = app.add_subcommand("rotate", "Make a new signing key for a running or new service");
  rotate_command->add_option("--keys", options.keys, "The directory of the keys")->required();
  rotate_command->add_option("--alg", options.algorithm, "ES256, RS256 or EdDSA")->capture_default_str();
  rotate_command->callback([&options] { rotate(options); });
}

void add_commands(CLI::App& app, Options& options) {
  app.require_subcommand(1);
  add_service_commands(app, options);
  auto* keygen_command = app.add_subcommand("keygen", "Make a signing key");
  keygen_command->add_option("--out", options.out, "The key file to create")->required();
  keygen_command->add_option("--alg", options.algorithm, "ES256, RS256 or EdDSA")->capture_default_str();
  keygen_command->callback([&options] { keygen(options); });

  auto* jwks_command = app.add_subcommand("jwks", "Print the public key set (JWKS) of a signing key");
  jwks_command->add_option("--key", options.key, "The key file")->required();
  jwks_command->add_option("--out", options.out, "A file to replace with the key set");
  jwks_command->callback([&options] { jwks(options); });

  auto* mint_command = app.add_subcommand("mint", "Print an access token for a user or a service");
  mint_command->add_option("--key", options.key, "The key file")->required();
  auto* user = mint_command->add_option("--user", options.mint.user, "The user");
  mint_command->add_option("--device", options.mint.device, "The only device that may use the token")
      ->needs(user);
  mint_command->add_option("--service", options.mint.service, "store, push or auth")->excludes(user);
  mint_command->add_option("--ttl", options.ttl_s, "Seconds until the token expires")
      ->check(CLI::Range(std::int64_t{1}, kMaxTtlSeconds))
      ->capture_default_str();
  mint_command->add_option("--issuer", options.mint.issuer, "The claim iss")->capture_default_str();
  mint_command->add_option("--audience", options.mint.audience, "The claim aud")->capture_default_str();
  mint_command->add_option("--out", options.out, "A file of mode 0600 to replace with the token");
  mint_command
      ->add_flag("--group-readable", options.handed_over,
                 "Mode 0640: for another user, in a directory whose files get that user's group")
      ->needs("--out");
  mint_command->callback([&options] { mint(options); });
}

}  // namespace

int main(int argc, char** argv) try {
  duet::hide_memory();
  Options options;
  CLI::App app("Accounts, signing keys and access tokens of Duet", "duet-auth");
  app.set_version_flag("--version", duet::version_text("duet-auth"), "Print the version");
  add_commands(app, options);
  try {
    app.parse(argc, argv);  // runs the command
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;  // --help is one of them
  }
  return options.status;
} catch (const std::exception& error) {
  std::cerr << "duet-auth: " << error.what() << '\n';
  return EXIT_FAILURE;
}
