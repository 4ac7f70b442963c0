#include "privacy_kit/run.h"

#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>

#include "privacy_kit/checks.h"

namespace duet::privacy {
namespace {

constexpr std::array kServices{Role::store, Role::push, Role::auth};

Endpoint server_of(const Options& options) {
  auto server = parse_mqtt_url(options.url);
  server.patience = std::chrono::seconds(options.patience_s);
  if (options.mqtt != "5") server.version = MqttVersion::v3_1_1;
  return server;
}

class Run {
 public:
  Run(const Options& options, const std::string& prefix, Report& report)
      : options_(options),
        mint_(options.data.empty() ? nullptr : std::make_unique<Mint>(options.data)),
        accounts_(options.auth_url.empty() ? nullptr
                                           : std::make_unique<Accounts>(options.auth_url, options.app)),
        stage_(
            server_of(options), prefix, options.per_second,
            [this](const UserId& user) { return token(user); }, report),
        owner_(stage_.join("owner", stage_.user("alice"), "watch")),
        peer_(stage_.join("peer", stage_.user("bob"), "watch")),
        third_(stage_.join("third user", stage_.user("carol"), "watch")),
        stranger_(stage_.join("stranger", stage_.user("eve"), "watch")) {}

  void all() {
    begin();
    part("request", "requests", [&] {
      Requesters who{owner_, peer_, third_, stranger_, stage_.user("nobody")};
      check_requests(stage_, who);
    });
    part("connect", "connecting",
         [&] { check_connects(stage_, owner_, stage_.user("mallory"), mint_.get()); });
    if (options_.wants("subscribe") || options_.wants("publish") || options_.wants("will")) topics();
    part("block", "blocked users", [&] { check_blocks(stage_); });
    ended();
    part("retained", "what is kept", [&] {
      check_nothing_retained(stage_, {&owner_, &peer_, &third_, &stranger_});
    });
    stage_.settle();
  }

 private:
  struct Attacker {
    Party* party;
    Cast cast;
  };

  std::string token(const UserId& user) {
    if (mint_) return mint_->sign(mint_->chat(user));
    auto& known = tokens_[user];
    if (known.empty()) {
      accounts_->sign_up(user);
      known = accounts_->log_in(user, std::nullopt).access;
    }
    return known;
  }

  template <typename Body>
  void part(const std::string& name, const std::string& said, Body body) {
    if (!options_.wants(name)) return;
    if (!options_.quiet) {
      std::cerr << "privacy-kit: " << said << " (" << stage_.report().cells() << " cells so far)\n";
    }
    body();
  }

  // Conversations, so that there is something to leak; and the proof that the platform works at all.
  void begin() {
    stage_.converse(owner_, peer_);
    stage_.converse(peer_, owner_);
    stage_.converse(third_, peer_);
    stage_.converse(peer_, third_);
    stage_.settle();
  }

  Cast cast_of(const Party* party, const std::vector<std::string>& others) const {
    Cast cast;
    if (party != nullptr) {
      cast.users.push_back(party->user());
      cast.devices.push_back(party->principal.device()->device);
    }
    for (const auto& name : others) cast.users.push_back(stage_.user(name));
    cast.devices.push_back(*DeviceId::parse("watch"));
    return cast;
  }

  std::vector<Attacker> attackers() {
    std::vector<Attacker> all;
    const auto add = [&](Party& party, const std::vector<std::string>& others) {
      all.push_back({&party, cast_of(&party, others)});
    };
    add(stage_.join("owner", owner_.user(), "phone"), {"bob", "mallory", "nobody"});
    add(stage_.join("owner's other device", owner_.user(), "laptop"), {"bob", "mallory", "nobody"});
    add(stage_.join("peer", peer_.user(), "phone"), {"alice", "carol", "nobody"});
    add(stage_.join("stranger", stage_.user("mallory"), "phone"), {"alice", "bob", "nobody"});
    Party& blocked = stage_.join("blocked user", stage_.user("dave"), "phone");
    stage_.converse(blocked, owner_);
    if (!stage_.ask(owner_, "block", {{"with", blocked.user().str()}}).contains("result")) {
      throw std::runtime_error(
          "a user cannot be blocked: with a platform that does not work nothing is proved");
    }
    stage_.settle();  // what was told before the block may still be on its way
    stage_.block(owner_.user(), blocked.user());
    stage_.ledger().forbid_presence(blocked.user(), owner_.user());
    add(blocked, {"alice", "bob", "nobody"});
    return all;
  }

  void topics() {
    const auto all = attackers();
    for (const auto& [party, cast] : all) {
      part("subscribe", "subscribing as " + party->name,
           [&, who = party, &of = cast] { check_subscriptions(stage_, *who, of); });
    }
    services("subscribe", [&](Party& service, const Cast& cast) {
      check_subscriptions(stage_, service, cast);
      check_service_deliveries(stage_, service, owner_);
    });
    for (const auto& [party, cast] : all) {
      part("publish", "publishing as " + party->name,
           [&, who = party, &of = cast] { check_publishes(stage_, *who, of); });
    }
    services("publish", [&](Party& service, const Cast& cast) { check_publishes(stage_, service, cast); });
    for (const auto& [party, cast] : all) {
      Cast small{{cast.users[0], cast.users[1]}, {*DeviceId::parse("watch")}};
      part("will", "wills of " + party->name, [&, who = party] { check_wills(stage_, *who, small); });
    }
  }

  template <typename Body>
  void services(const std::string& name, Body body) {
    if (!options_.wants(name)) return;
    if (!mint_) return stage_.report().skipped(name + " as a service", "needs --data");
    for (const Role role : kServices) {
      part(name, name + " as the service " + std::string(to_string(role)), [&] {
        Party& service = stage_.serve(role, mint_->sign(mint_->service(role)));
        body(service, cast_of(nullptr, {"alice", "bob", "nobody"}));
        stage_.leave(service);
      });
    }
  }

  void ended() {
    if (mint_) {
      part("expiry", "a token that ends", [&] { check_expiry(stage_, *mint_); });
    } else {
      stage_.report().skipped("a token that ends while connected", "needs --data");
    }
    if (accounts_) {
      part("revocation", "a login that is revoked", [&] { check_revocation(stage_, *accounts_); });
      part("account", "the account service", [&] { check_accounts(stage_, *accounts_); });
    } else {
      stage_.report().skipped("revoked logins and the account service", "needs --auth-url");
    }
  }

  const Options& options_;
  std::unique_ptr<Mint> mint_;
  std::unique_ptr<Accounts> accounts_;
  std::map<UserId, std::string> tokens_;
  Stage stage_;
  Party& owner_;
  Party& peer_;
  Party& third_;
  Party& stranger_;
};

// Every row of the table has a topic that the kit tries.
void check_coverage() {
  const auto user = *UserId::parse("me");
  const auto device = *DeviceId::parse("phone");
  const Cast cast{{user, *UserId::parse("other")}, {device}};
  std::vector<Principal> everybody{Principal::of_device({user, device}, Timestamp::max())};
  for (const Role role : kServices) everybody.push_back(Principal::of_service(role, "", Timestamp::max()));
  for (const auto& who : everybody) {
    for (const auto& row : rows_not_tried(who, cast)) {
      throw std::runtime_error("the access table has a row of a form that is not known here: " + row);
    }
  }
}

}  // namespace

void run(const Options& options, const std::string& prefix, Report& report) {
  check_coverage();
  Run(options, prefix, report).all();
}

}  // namespace duet::privacy
