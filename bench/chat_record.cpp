#include "bench/chat_record.h"

#include <algorithm>

namespace duet {

std::uint64_t ChatRecord::write(std::size_t pair) {
  pairs_[pair].emplace_back();
  ++written_;
  return pairs_[pair].size() - 1;
}

void ChatRecord::acknowledged(std::size_t pair, std::uint64_t number) {
  pairs_[pair][number].acknowledged = true;
}

void ChatRecord::arrived(std::size_t pair, Side side, std::uint64_t number, Seq seq) {
  if (pair >= pairs_.size() || number >= pairs_[pair].size() || seq == 0) {
    ++foreign_;
    return;
  }
  Message& message = pairs_[pair][number];
  Seq& known = side == Side::sender ? message.at_sender : message.at_recipient;
  if (known != 0) {
    if (known != seq) ++renumbered_;
    return;
  }
  known = seq;
  if (message.at_sender != 0 && message.at_recipient != 0) ++at_both_;
}

std::vector<std::uint64_t> ChatRecord::unanswered(std::size_t pair) const {
  std::vector<std::uint64_t> numbers;
  for (std::size_t i = 0; i < pairs_[pair].size(); ++i) {
    const Message& message = pairs_[pair][i];
    if (!message.acknowledged && message.at_sender == 0) numbers.push_back(i);
  }
  return numbers;
}

ChatRecord::Verdict ChatRecord::verdict() const {
  Verdict verdict{.written = written_, .misnumbered = renumbered_, .foreign = foreign_};
  for (const auto& pair : pairs_) {
    std::vector<Seq> seqs;
    for (const Message& message : pair) {
      if (message.acknowledged) ++verdict.acknowledged;
      if (message.at_sender == 0 || message.at_recipient == 0) {
        ++verdict.missing;
        if (message.acknowledged) ++verdict.accepted_lost;
        continue;
      }
      if (message.at_sender != message.at_recipient) ++verdict.misnumbered;
      seqs.push_back(message.at_recipient);
    }
    std::ranges::sort(seqs);
    for (std::size_t i = 0; i < seqs.size(); ++i) verdict.misnumbered += seqs[i] == i + 1 ? 0U : 1U;
  }
  return verdict;
}

}  // namespace duet
