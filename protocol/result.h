// protocol/result.h: the one alias for "a value or the reason there is none".
#pragma once

#include <tl/expected.hpp>

namespace duet {

// Holds a T or an E. Expected outcomes travel in it; exceptions are for a broken environment.
template <typename T, typename E>
using Result = tl::expected<T, E>;

template <typename E>
using Failure = tl::unexpected<E>;

}  // namespace duet
