// Who may connect as whom.

#include <nlohmann/json.hpp>

#include "acl/base64url.h"
#include "acl/token.h"
#include "privacy_kit/checks.h"

namespace duet::privacy {
namespace {

using nlohmann::json;

struct Credentials {
  std::string principal;  // as in the report
  std::string what;       // of the token
  std::string token;
  std::optional<Claims> claims;  // what it proves; none: nothing
};

Claims claims_of(const UserId& user, std::optional<DeviceId> device = std::nullopt) {
  return {Role::chat, user.str(), std::move(device), Timestamp::max(), {}};
}

// The parts of a compact JWS, to be put together differently.
struct Jws {
  explicit Jws(const std::string& token)
      : header(token.substr(0, token.find('.'))),
        payload(token.substr(header.size() + 1, token.rfind('.') - header.size() - 1)),
        signature(token.substr(token.rfind('.') + 1)) {}
  std::string header;
  std::string payload;
  std::string signature;
};

std::string another_subject(const std::string& payload, const UserId& user) {
  json claims = json::parse(decode_base64url(payload).value_or(""), nullptr, false);
  if (!claims.is_object()) claims = json::object();
  claims["sub"] = user.str();
  return encode_base64url(claims.dump());
}

// Tokens that prove nothing, made from a good one of the attacker's.
std::vector<Credentials> forgeries(const std::string& good, const UserId& victim) {
  const Jws jws(good);
  const std::string none = encode_base64url(R"({"alg":"none","typ":"JWT"})");
  const std::string as_victim = another_subject(jws.payload, victim);
  std::string other_signature = jws.signature;
  other_signature[2] = other_signature[2] == 'A' ? 'B' : 'A';
  const std::string who = "without a token";
  return {{who, "none", "", std::nullopt},
          {who, "garbage", "not a token", std::nullopt},
          {who, "the victim's name put in", jws.header + "." + as_victim + "." + jws.signature, std::nullopt},
          {who, "alg none", none + "." + as_victim + ".", std::nullopt},
          {who, "alg none, signed", none + "." + as_victim + "." + jws.signature, std::nullopt},
          {who, "no signature", jws.header + "." + as_victim + ".", std::nullopt},
          {who, "two parts", jws.header + "." + as_victim, std::nullopt},
          {who, "another signature", jws.header + "." + jws.payload + "." + other_signature, std::nullopt}};
}

// What only the platform's key makes: well signed, and not good here and now.
std::vector<Credentials> misfits(const Mint& mint, const UserId& victim) {
  using std::chrono::hours;
  std::vector<Credentials> all;
  const auto add = [&](const std::string& what, const TokenSpec& spec) {
    all.push_back({"without a token", what, mint.sign(spec), std::nullopt});
  };
  auto spec = mint.chat(victim);
  spec.issued_at -= hours(2);
  spec.expires_at -= hours(1);
  all.push_back({"expired token", "an hour ago", mint.sign(spec), std::nullopt});
  spec = mint.chat(victim);
  spec.issued_at += hours(1);
  spec.expires_at += hours(2);
  add("of the future", spec);
  spec = mint.chat(victim);
  spec.issuer = "somebody";
  add("another issuer", spec);
  spec = mint.chat(victim);
  spec.audience = "elsewhere";
  add("another audience", spec);
  all.push_back({"without a token", "another key's",
                 SigningKey::generate(mint.algorithm()).sign(mint.chat(victim)), std::nullopt});
  spec = mint.chat(victim);
  spec.role = Role::store;  // a service's scope and a user's name
  add("a user's name for a service", spec);
  return all;
}

std::vector<std::string> client_ids(const UserId& victim, const std::string& live, const UserId& attacker) {
  const auto& me = attacker.str();
  return {live,
          victim.str() + ":new",
          victim.str(),
          me,
          me + ":",
          ":phone",
          me + ":phone:more",
          me + ":a/b",
          me + "x:phone",
          me + ":" + std::string(DeviceId::kMaxBytes + 1, 'd'),
          "duet-store",
          "duet-store.kit",
          "duet-push",
          "duet-auth.kit",
          "duet-broker",
          "duet",
          ""};
}

class Attempts {
 public:
  explicit Attempts(Stage& stage) : stage_(stage) {}

  void attempt(const Credentials& with, const std::string& client_id, const std::string& user_name,
               bool clean) {
    const std::string names = user_name.empty() ? "" : ", user name " + user_name;
    const Cell cell{with.principal, "connect",
                    client_id + names + " (token: " + with.what + (clean ? ")" : "; session kept)")};
    const auto principal = with.claims ? principal_for(*with.claims, client_id) : std::nullopt;
    const bool allowed = principal && (user_name.empty() || user_name == with.claims->subject);
    ConnectPacket packet;
    packet.client_id = client_id;
    packet.user = user_name;
    packet.password = with.token;
    packet.clean = clean;
    const int code = stage_.connect(packet)->connack();
    stage_.report().checked(cell);
    if (code == kSuccess && !allowed) stage_.report().leak(cell, "refused", "CONNACK: accepted");
    if (code != kSuccess && allowed)
      stage_.report().broken(cell, "accepted", "CONNACK: " + reason_text(code));
    for (const auto& name : stage_.revive()) {
      stage_.report().leak(cell, "nobody notices", name + " lost its connection");
    }
  }

 private:
  Stage& stage_;
};

// Tokens that only the platform's key makes.
void check_signed(Attempts& attempts, const Party& victim, const Mint& mint) {
  const auto live = victim.client_id();
  for (const auto& misfit : misfits(mint, victim.user())) attempts.attempt(misfit, live, "", true);
  auto bound = mint.chat(victim.user());
  bound.device = DeviceId::parse("bound");
  const Credentials other{"owner's other device", "of one device", mint.sign(bound),
                          claims_of(victim.user(), bound.device)};
  attempts.attempt(other, live, "", true);
  attempts.attempt(other, victim.user().str() + ":bound", "", true);
  for (const Role role : {Role::store, Role::push, Role::auth}) {
    const Credentials service{"service " + std::string(to_string(role)), "the service's",
                              mint.sign(mint.service(role)),
                              Claims{role, std::string(to_string(role)), std::nullopt, Timestamp::max(), {}}};
    for (const std::string& id : {live, victim.user().str() + ":new", std::string("duet-store.kit"),
                                  std::string("duet-push.kit"), std::string("duet-auth.kit")}) {
      attempts.attempt(service, id, "", true);
    }
  }
}

}  // namespace

void check_connects(Stage& stage, Party& victim, const UserId& attacker, const Mint* mint) {
  Attempts attempts(stage);
  const auto live = victim.client_id();
  const std::string good = stage.token(attacker);
  const Credentials mine{"stranger", "the stranger's", good, claims_of(attacker)};
  for (const auto& id : client_ids(victim.user(), live, attacker)) attempts.attempt(mine, id, "", true);
  attempts.attempt(mine, live, "", false);
  for (const auto& name : {victim.user().str(), attacker.str(), std::string("store")}) {
    attempts.attempt(mine, live, name, true);
    attempts.attempt(mine, attacker.str() + ":" + stage.fresh_device(), name, true);
  }
  for (const auto& forged : forgeries(good, victim.user())) {
    attempts.attempt(forged, live, "", true);
    attempts.attempt(forged, stage.user("nobody").str() + ":phone", "", true);  // looks the same
    attempts.attempt(forged, "duet-store.kit", "", true);
  }
  if (mint == nullptr) {
    stage.report().skipped("tokens that are well signed and not good, and services'", "needs --data");
    return;
  }
  check_signed(attempts, victim, *mint);
}

}  // namespace duet::privacy
