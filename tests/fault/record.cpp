#include "tests/fault/record.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "protocol/json_codec.h"
#include "protocol/topic.h"

namespace duet {
namespace {

using nlohmann::json;

class RecordReader {
 public:
  explicit RecordReader(std::string_view user) : user_(user) {}

  // Throws json::exception or std::runtime_error for a line that no peer process writes.
  void take(const json& line) {
    const std::string kind = line.at("t");
    if (kind == "pub") return take_publish(line);
    if (kind == "ack") return take_acknowledgement(line);
    if (kind == "refused") return take_refusal(line);
    if (kind == "live") return take_live(line);
    if (kind == "told") return take_told(line.at("envelope"));
    if (kind == "marks") return take_mark(line.at("peer"), line, with(line.at("peer")).marks);
    if (kind == "sync") return take_change(line.at("change"));
    if (kind == "receipt") return take_receipt(line);
    if (kind == "reset") return void(++record_.resets);
    if (kind == "connect") return void(++record_.connects);
    if (kind == "complaint") return complain(line.at("what"));
    throw std::runtime_error("unknown kind " + kind);
  }

  PeerRecord record() && { return std::move(record_); }

 private:
  ConversationRecord& with(const std::string& peer) { return record_.conversations[peer]; }
  void complain(const std::string& what) { record_.complaints.push_back(what); }

  void take_publish(const json& line) {
    auto& published = with(line.at("peer")).messages.published;
    const std::string id = line.at("id");
    if (!places_.emplace(id, published.size()).second) throw std::runtime_error("published anew: " + id);
    published.push_back({id, line.at("body")});
  }

  Attempt& attempt(const json& line) {
    auto& published = with(line.at("peer")).messages.published;
    const auto place = places_.find(line.at("id").get<std::string>());
    if (place == places_.end()) throw std::runtime_error("accepted or refused, but never published");
    return published.at(place->second);
  }

  void take_acknowledgement(const json& line) {
    if (!refused_.contains(line.at("id").get<std::string>())) attempt(line).acknowledged = true;
  }

  // Before or after the PUBACK, which in MQTT 3.1.1 comes all the same.
  void take_refusal(const json& line) {
    attempt(line).acknowledged = false;
    refused_.insert(line.at("id").get<std::string>());
  }

  void take_receipt(const json& line) {
    auto& conversation = with(line.at("peer"));
    conversation.delivered = std::max(conversation.delivered, line.value("delivered", Seq{0}));
    conversation.read = std::max(conversation.read, line.value("read", Seq{0}));
  }

  void take_live(const json& line) {
    const std::string name = line.at("topic");
    const auto topic = parse_topic(name);
    const auto* in = topic ? std::get_if<InTopic>(&*topic) : nullptr;
    if (in == nullptr || in->me.str() != user_) return complain("a message on " + name);
    const json& payload = line.at("payload");
    auto& conversation = with(in->peer.str());
    if (in->kind == InKind::message || in->kind == InKind::sent) {
      take_envelope(in->peer.str(), in->kind == InKind::sent, payload, conversation.messages.live);
    } else if (in->kind == InKind::receipt) {
      take_mark(in->peer.str(), payload, conversation.marks);
    }
  }

  void take_told(const json& envelope) {
    const bool mine = envelope.at("from") == user_;
    const std::string peer = envelope.at(mine ? "to" : "from");
    take_envelope(peer, mine, envelope, with(peer).messages.live);
  }

  void take_change(const json& change) {
    const std::string kind = change.at("kind");
    if (kind == "msg" || kind == "sent") {
      const bool mine = kind == "sent";
      const std::string peer = change.at(mine ? "to" : "from");
      take_envelope(peer, mine, change, with(peer).messages.synced);
    } else if (kind == "receipt") {
      const std::string peer = change.at("peer");
      take_mark(peer, change, with(peer).synced_marks);
    }
  }

  void take_envelope(const std::string& peer, bool mine, const json& value, std::vector<Envelope>& into) {
    const auto envelope = envelope_from(value);
    if (!envelope) return complain("no envelope: " + value.dump());
    const std::string& from = mine ? user_ : peer;
    const std::string& to = mine ? peer : user_;
    if (envelope->from.str() != from || envelope->to.str() != to) {
      return complain("an envelope from " + envelope->from.str() + " to " + envelope->to.str() +
                      " in the conversation with " + peer);
    }
    into.push_back(*envelope);
  }

  void take_mark(const std::string& peer, const json& value, std::vector<Receipt>& into) {
    const auto receipt = receipt_from(value);
    if (!receipt) return complain("no receipt: " + value.dump());
    if (receipt->by.str() != user_ && receipt->by.str() != peer) {
      return complain("marks of " + receipt->by.str() + " in the conversation with " + peer);
    }
    into.push_back(*receipt);
  }

  const std::string user_;
  PeerRecord record_;
  std::unordered_map<std::string, std::size_t> places_;  // by id: the place in its conversation's published
  std::unordered_set<std::string> refused_;              // ids
};

}  // namespace

DeviceRecord device_record(ConversationRecord conversation) {
  const auto told = [](const std::vector<Receipt>& receipts) {
    std::vector<MarksTold> marks;
    marks.reserve(receipts.size());
    for (const Receipt& receipt : receipts) {
      marks.push_back({receipt.by.str(), receipt.delivered, receipt.read});
    }
    return marks;
  };
  conversation.messages.marks = told(conversation.marks);
  conversation.messages.synced_marks = told(conversation.synced_marks);
  return std::move(conversation.messages);
}

std::size_t PeerRecord::published() const {
  std::size_t count = 0;
  for (const auto& [peer, conversation] : conversations) count += conversation.messages.published.size();
  return count;
}

PeerRecord read_record(const std::filesystem::path& file, std::string_view user) {
  std::ifstream in(file, std::ios::binary);
  RecordReader reader(user);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line) && !in.eof(); ++number) {
    try {
      reader.take(json::parse(line));
    } catch (const std::exception& e) {
      throw std::runtime_error(file.string() + " line " + std::to_string(number) + ": " + e.what());
    }
  }
  return std::move(reader).record();
}

}  // namespace duet
