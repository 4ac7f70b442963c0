// push_bridge/stream_resets.h: stops libcurl from resetting streams that have ended.
//
// libcurl 7.88 forgets that a stream was closed by its answer when the answer had no content-length
// (http2_handle_stream_close in its lib/http2.c), and resets it: a RST_STREAM after every push. Servers that
// guard themselves against floods of resets end the connection then, nghttp2's after about a thousand, and
// whatever is on its way may be taken twice. So the program has a function in the place of nghttp2's that
// libcurl calls for that. It leaves out the resets of streams that are not there any more, and no other.
//
// Thread-safe.
#pragma once

#include <cstdint>

namespace duet {

// Since the start, of all connections.
std::uint64_t stream_resets_left_out();

}  // namespace duet
