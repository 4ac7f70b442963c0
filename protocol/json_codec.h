// protocol/json_codec.h: the contract's objects as nlohmann::json, for replies that contain them (requests,
// sync).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "protocol/envelope.h"

namespace duet {

nlohmann::json to_json(const Envelope& envelope);
nlohmann::json to_json(const Receipt& receipt);
nlohmann::json to_json(const PeerPresence& presence);
nlohmann::json to_json(const Refusal& refusal);

// Return nullopt for a value that is not of the form.
std::optional<Envelope> envelope_from(const nlohmann::json& json);
std::optional<Receipt> receipt_from(const nlohmann::json& json);
std::optional<PeerPresence> peer_presence_from(const nlohmann::json& json);
std::optional<Refusal> refusal_from(const nlohmann::json& json);

// Text of a JSON value. Strings of ours are valid UTF-8; a byte that is not becomes U+FFFD instead of an
// exception.
std::string dump(const nlohmann::json& json);
// Whether `text` would come back from dump() and a parser as it is.
bool is_utf8(const std::string& text);

}  // namespace duet
