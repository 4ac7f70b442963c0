// tests/leaks/leaks.h: the leaks that a test can plant in a running broker, and what the privacy kit must
// say.
//
// The plugin of the product, every line of it, is linked anew with the functions of the broker that it calls
// wrapped (CMakeLists.txt): what is planted stands between the two. The product has no place for it.
// DUET_LEAK_FILE names a file that holds the name of the leak; it is read at each CONNECT.
#pragma once

#include <array>
#include <string_view>

namespace duet {

struct PlantedLeak {
  std::string_view name;
  std::string_view part;  // of the kit, which must find it
  // One of its findings: whose, at what, and a part of what it says.
  std::string_view principal;
  std::string_view action;
  std::string_view says;
};

inline constexpr auto kPlantedLeaks = std::to_array<PlantedLeak>({
    // SUBSCRIBE to anybody's inbox is granted, and READ is not checked there.
    {"inbox-open", "subscribe", "stranger", "subscribe", "u/+/in/#"},
    // A device may subscribe to the topics of another device of its user.
    {"other-device", "subscribe", "owner's other device", "subscribe", "u/alice/d/watch/#"},
    // SUBSCRIBE $SYS/# is granted.
    {"sys-open", "subscribe", "stranger", "subscribe", "$SYS/#"},
    // A client may publish into any inbox.
    {"foreign-publish", "publish", "stranger", "publish", "reached owner"},
    // A client may publish deliver frames, which only the store may.
    {"deliver-open", "publish", "stranger", "publish", "reached owner"},
    // What is delivered is kept retained.
    {"retained", "retained", "owner", "receive", "a retained message"},
    // Every message, and every typing, reaches everybody's inbox too. Every return code is as it should be.
    {"message-astray", "request", "owner", "publish", "reached stranger"},
    {"typing-astray", "publish", "stranger", "receive", "typing"},
    // A will on anybody's topic is sent.
    {"foreign-will", "will", "stranger", "will", "reached owner"},
    // A good token opens the session of another user.
    {"takeover", "connect", "stranger", "connect", "alice:watch"},
    // A connection outlives its token.
    {"expired-serves", "expiry", "expired token", "receive", "a message"},
    // The broker does not hear of revoked logins.
    {"revocation-unheard", "revocation", "revoked login", "connect", "frank:phone"},
    // A block is answered and not made.
    {"block-void", "block", "blocked user", "publish", "u/boris/out/olga/msg"},
    // A blocked user is told the blocker's presence.
    {"blocked-presence", "block", "blocked user", "request", "presence with olga"},
    // history answers somebody who is not of the conversation.
    {"history-of-others", "request", "stranger", "request", "history with alice"},
    // conversations and sync answer with another user's.
    {"conversations-of-others", "request", "stranger", "request", "a message between two others"},
    // An error's text says whether the user exists.
    {"error-tells", "request", "stranger", "request", "presence with alice"},
});

}  // namespace duet
