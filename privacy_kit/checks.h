// privacy_kit/checks.h: the parts of a run. Each counts its cells in the stage's report.
#pragma once

#include "privacy_kit/identities.h"
#include "privacy_kit/stage.h"
#include "privacy_kit/topics.h"

namespace duet::privacy {

// Every filter, as this party: the SUBACK is what decide() says. It keeps what it was granted.
void check_subscriptions(Stage& stage, Party& party, const Cast& cast);
// Every topic name, as this party and in every form of a PUBLISH: PUBACK, the error topic, and nobody but
// those it is for receives it.
void check_publishes(Stage& stage, Party& party, const Cast& cast);
// Every topic as a will of a device of `party`'s user: sent if decide() says so, and only then.
void check_wills(Stage& stage, const Party& party, const Cast& cast);
// Whoever subscribes anew finds nothing retained.
void check_nothing_retained(Stage& stage, const std::vector<Party*>& parties);
// What services may receive, they do; and nothing else.
void check_service_deliveries(Stage& stage, Party& service, Party& device);

// Who may connect as whom. `mint` null: what only its key can make is left out.
void check_connects(Stage& stage, Party& victim, const UserId& attacker, const Mint* mint);

// Requests of those who are no party to anything: what they learn, and that what exists and what does not
// looks the same.
struct Requesters {
  Party& owner;
  Party& peer;
  Party& third;     // has a conversation with the peer alone
  Party& stranger;  // has none
  UserId nobody;    // has never been
};
void check_requests(Stage& stage, Requesters& who);

// What a blocked user cannot do and is not told. Makes users of its own.
void check_blocks(Stage& stage);
// What a connection may do when its token has ended. Takes a few seconds.
void check_expiry(Stage& stage, const Mint& mint);
// What a login may do that was revoked.
void check_revocation(Stage& stage, Accounts& accounts);
// What the account service tells of who has an account.
void check_accounts(Stage& stage, Accounts& accounts);

}  // namespace duet::privacy
