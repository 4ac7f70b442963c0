#include "client/cli/render.h"

#include <array>
#include <ctime>
#include <utility>

#include "protocol/json_codec.h"
#include "protocol/utf8.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kPreviewBytes = 60;

// UTF-8 of U+0080 to U+009F, the second set of control characters.
bool is_c1_control(std::string_view text, std::size_t at) {
  return text[at] == '\xC2' && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// The first line, shortened between two characters.
std::string preview(const std::string& body) {
  std::string text = clean(body.substr(0, body.find('\n')));
  if (text.size() <= kPreviewBytes) return text;
  std::size_t end = kPreviewBytes;
  while (end > 0 && continues_character(text[end])) --end;
  return text.substr(0, end) + "…";
}

std::string event_text(std::string_view event, json object) {
  object["event"] = event;
  return dump(object);
}

std::string number_text(const json& object, const char* first, const char* second) {
  const auto outer = object.find(first);
  if (outer == object.end() || !outer->is_object()) return "0";
  const auto inner = outer->find(second);
  return inner != outer->end() && inner->is_number_unsigned() ? dump(*inner) : "0";
}

Timestamp timestamp_of(const json& milliseconds) {
  return Timestamp(std::chrono::milliseconds(milliseconds.get<std::int64_t>()));
}

}  // namespace

std::string clean(std::string_view text) {
  std::string cleaned;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      cleaned += "\n    ";
    } else if (text[i] == '\t') {
      cleaned += ' ';
    } else if (is_c1_control(text, i)) {
      cleaned += kReplacement;
      ++i;
    } else if (is_control(text[i])) {
      cleaned += kReplacement;
    } else {
      cleaned += text[i];
    }
  }
  return cleaned;
}

std::string format_time(Timestamp time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

std::string Renderer::message(const Envelope& envelope, std::string_view kind) const {
  if (json_) return event_text(kind, to_json(envelope));
  const bool mine = envelope.from == me_;
  std::string line = format_time(envelope.ts) + "  #" + std::to_string(envelope.seq) + "  ";
  line += mine ? me_.str() + " → " + envelope.to.str() : envelope.from.str();
  line += ": ";
  const bool readable = envelope.type.starts_with("text/");
  return line + (readable
                     ? clean(envelope.body)
                     : "(" + clean(envelope.type) + ", " + std::to_string(envelope.body.size()) + " bytes)");
}

std::string Renderer::stored(const Envelope& envelope) const {
  if (json_) return event_text("sent", to_json(envelope));
  return "sent to " + envelope.to.str() + " as #" + std::to_string(envelope.seq) + " at " +
         format_time(envelope.ts) + " (id " + envelope.id.str() +
         (envelope.duplicate ? ", sent before)" : ")");
}

std::string Renderer::receipt(const UserId& peer, const Receipt& receipt) const {
  if (json_) {
    auto object = to_json(receipt);
    object["peer"] = peer.str();
    return event_text("receipt", std::move(object));
  }
  std::string who = receipt.by == me_ ? "you have" : receipt.by.str() + " has";
  const std::string conversation = receipt.by == me_ ? " from " + peer.str() : "";
  if (receipt.read >= receipt.delivered) {
    return "  " + who + " read up to #" + std::to_string(receipt.read) + conversation;
  }
  std::string line = "  " + who + " received up to #" + std::to_string(receipt.delivered);
  if (receipt.read > 0) line += ", read up to #" + std::to_string(receipt.read);
  return line + conversation;
}

std::string Renderer::typing(const UserId& peer, bool typing) const {
  if (json_) return event_text("typing", {{"peer", peer.str()}, {"typing", typing}});
  return "  " + peer.str() + (typing ? " is typing" : " has stopped typing");
}

std::string Renderer::presence(const UserId& peer, const PeerPresence& presence) const {
  if (json_) {
    auto object = to_json(presence);
    object["peer"] = peer.str();
    return event_text("presence", std::move(object));
  }
  if (presence.online) return "  " + peer.str() + " is online";
  if (!presence.last_seen) return "  " + peer.str() + " is offline";
  return "  " + peer.str() + " is offline, last seen " + format_time(*presence.last_seen);
}

std::string Renderer::conversation(const nlohmann::json& conversation) const {
  if (json_) return dump(conversation);
  std::string line = clean(conversation.value("peer", "?"));
  if (const auto unread = conversation.value("unread", std::uint64_t{0}); unread > 0) {
    line += " (" + std::to_string(unread) + " unread)";
  }
  if (conversation.value("blocked", false)) line += " (blocked)";
  if (conversation.value("muted", false)) line += " (muted)";
  if (conversation.value("request", false)) line += " (waits for you to accept)";
  const auto last = conversation.find("last");
  const auto envelope = last == conversation.end() ? std::nullopt : envelope_from(*last);
  if (!envelope) return line;
  line += "  " + format_time(envelope->ts) + "  #" + std::to_string(envelope->seq) + " " +
          envelope->from.str() + ": " + preview(envelope->body);
  if (envelope->from == me_) {
    line += "  [received #" + number_text(conversation, "theirs", "delivered") + ", read #" +
            number_text(conversation, "theirs", "read") + "]";
  }
  return line;
}

std::string Renderer::device(const nlohmann::json& device) const {
  if (json_) return dump(device);
  std::string line = clean(device.value("device", "?"));
  line += device.value("online", false) ? "  online" : "  offline";
  const auto last_seen = device.find("last_seen");
  if (last_seen != device.end() && last_seen->is_number_integer()) {
    line += ", last seen " + format_time(timestamp_of(*last_seen));
  }
  return line;
}

}  // namespace duet
