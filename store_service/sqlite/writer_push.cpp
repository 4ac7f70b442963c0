// The part of a write transaction that is for push alone.
#include <algorithm>

#include "store_service/sqlite/writer.h"

namespace duet::sqlite {

void SqliteTransaction::note_device_receipt(const Device& by, const UserId& peer, const Marks& marks) {
  const Step step(*this);
  const auto key = writer_.users.find(by.user);
  if (!key || !writer_.device_receipts.registered(*key, by.device)) return;
  Entry* entry = find_entry(by.user, peer);
  const Seq delivered = std::max(marks.delivered, marks.read);
  if (entry == nullptr || delivered == 0 || delivered > entry->row.last_seq) return;
  writer_.device_receipts.add(
      {++writer_.last_log, entry->row.key, entry->row.side_of(*key), by.device, {delivered, marks.read}});
}

std::size_t SqliteTransaction::prune_device_receipts(LogNumber through, std::size_t limit) {
  const Step step(*this);
  return writer_.device_receipts.prune(through, limit);
}

bool SqliteTransaction::mute(const UserId& me, const UserId& peer, const Mute& mute) {
  const Step step(*this);
  const Entry* entry = find_entry(me, peer);
  if (entry == nullptr) return false;
  writer_.set_mute.execute(entry->row.key, entry->row.side_of(*writer_.users.find(me)), mute.until);
  return true;
}

bool SqliteTransaction::unmute(const UserId& me, const UserId& peer) {
  const Step step(*this);
  const Entry* entry = find_entry(me, peer);
  if (entry == nullptr) return false;
  writer_.delete_mute.execute(entry->row.key, entry->row.side_of(*writer_.users.find(me)));
  return true;
}

}  // namespace duet::sqlite
