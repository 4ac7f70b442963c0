// store_service/ingest.h: what a batch of journal records does to the store, and what is then told to whom.
//
// Pure over the transaction: no clock, no threads, no network. The caller commits, and only then sends.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "acl/token_bucket.h"
#include "protocol/error_code.h"
#include "protocol/frame.h"
#include "protocol/payload.h"
#include "store_service/delivery.h"
#include "store_service/store.h"

namespace duet {

// What becomes of a message to a name that is not known (docs/adr/0025-unknown-recipients.md).
enum class UnknownRecipients : std::uint8_t { keep, refuse };

// What somebody may do whom the other does not know yet (docs/adr/0015-strangers.md).
struct StrangerRules {
  RateLimit new_conversations;         // that a user begins; a rate of 0: no limit
  bool require_consent = false;        // a new conversation is a request until the recipient accepts it
  std::uint64_t consent_messages = 3;  // that a request may have
  UnknownRecipients unknown = UnknownRecipients::keep;
};

// That many at once, and as many in each hour.
inline RateLimit conversations_per_hour(std::uint64_t count) {
  constexpr double kSecondsPerHour = 3600;
  return {static_cast<double>(count) / kSecondsPerHour, static_cast<double>(count)};
}

struct IngestRules {
  std::string epoch;  // of the store, for cursors
  PayloadLimits limits;
  Partition partition;
  StrangerRules strangers = {};
};

// For whatever a blocked user sends.
Refusal blocked_by_peer();

// Where a node stands after the batch.
struct NodeProgress {
  RecordNumber offset = 0;    // the last record that is stored
  RecordNumber last = 0;      // the last record that the node said it has
  bool said_hello = false;    // it waits for {"from": offset + 1}
  bool sent_records = false;  // it waits for {"committed": offset}
  bool left_a_hole = false;   // its last frame was not taken, because records before it are missing
};

// For the log: a record that changed nothing but the offset.
struct RefusedRecord {
  NodeId node;
  RecordNumber n;
  ErrorCode code;
};

// For the log: records that the journal does not have any more, although the store never got them.
struct LostRecords {
  NodeId node;
  RecordNumber first;
  RecordNumber last;
};

struct Ingested {
  std::vector<OutgoingDelivery> deliveries;  // in the order of the records
  std::map<NodeId, NodeProgress> nodes;      // those of the batch
  std::vector<RefusedRecord> refused;
  std::vector<LostRecords> lost;
  std::uint64_t messages = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t receipts = 0;
};

// Applies the frames in order and moves the ingest offsets. Records at or before a node's offset are skipped:
// they are stored. A record that the contract forbids is answered on its device's error topic. Throws
// StoreError.
Ingested ingest(WriteTransaction& transaction, std::span<const IngestFrame> frames, const IngestRules& rules);

}  // namespace duet
