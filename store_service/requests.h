// store_service/requests.h: the requests of docs/protocol.md section 4, decided.
//
// Pure functions over a reader, which they use for the length of the call. They throw StoreError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "protocol/payload.h"
#include "store_service/reply.h"
#include "store_service/store.h"

namespace duet {

enum class Method : std::uint8_t {
  history,
  conversations,
  sync,
  presence,
  block,
  unblock,
  blocks,
  devices,
  accept,
  mute,
  unmute,
};
std::optional<Method> parse_method(std::string_view text);

inline constexpr std::uint64_t kDefaultLimit = 50;
inline constexpr std::uint64_t kMaxLimit = 200;
// Of the JSON text of a page's items: the contract's 128 KiB, less what stands around them. A page that holds
// more than one item stays below.
inline constexpr std::size_t kMaxPageBytes = std::size_t{127} * 1024;
// How much a page may hold, in bytes of JSON text.
struct PageLimits {
  std::size_t items = kMaxPageBytes;  // all items together; the first one may be larger
  // Each item. An item that is larger only because of its body comes without it (docs/protocol.md section 4).
  std::size_t item = std::numeric_limits<std::size_t>::max();
  std::size_t around = 0;  // what the packet holds beside the items, at most
};
// The page that the device can receive.
PageLimits page_limits(const ReplyTo& to);
// How many users one user can block: `blocks` has no pages.
inline constexpr std::size_t kMaxBlocks = 1000;

// `with`, which must be there and be somebody else.
Result<UserId, Refusal> peer_of(const UserId& me, const RequestPayload& request);

// An answer is `too_large` if not even one item fits a page.
Answer answer_history(StoreReader& reader, const UserId& me, const RequestPayload& request,
                      const PageLimits& limits = {});
// `now`: a mute that is over is not shown.
Answer answer_conversations(StoreReader& reader, std::string_view epoch, const UserId& me,
                            const RequestPayload& request, Timestamp now, const PageLimits& limits = {});
Answer answer_sync(StoreReader& reader, std::string_view epoch, const UserId& me,
                   const RequestPayload& request, const PageLimits& limits = {});
Answer answer_blocks(StoreReader& reader, const UserId& me);

// The one answer for a stranger, for somebody who blocked me and for a user who does not exist.
Refusal no_presence();

// What would be muted is not there.
Refusal no_conversation();

// Nothing of this user's waits for the one who would accept it.
Refusal no_request();

// `rows` as stored; the devices of `online` are online, stored or not.
Answer answer_devices(std::vector<DeviceRow> rows, const std::vector<DeviceId>& online, Timestamp now);

}  // namespace duet
