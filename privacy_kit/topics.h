// privacy_kit/topics.h: what to try, made from the access table and the topic grammar; never a list kept by
// hand.
//
// Pure. Whether a topic is allowed is not said here: decide() says it.
#pragma once

#include <string>
#include <vector>

#include "acl/principal.h"
#include "protocol/names.h"

namespace duet::privacy {

// Who stands in for the table's placeholders.
struct Cast {
  std::vector<UserId> users;      // {me} and {user}
  std::vector<DeviceId> devices;  // {device} and {any}
};

// Every row of the table and every form of the grammar, for all of the cast.
std::vector<std::string> topic_names(const Cast& cast);
// Names that are nearly one of those: a level more, less, empty or in capitals, and service ones that begin
// with `$`.
std::vector<std::string> near_names(const Cast& cast);
// Every name, row and near name as a filter, with each level as a wildcard, shared, cut off; and the wide
// ones.
std::vector<std::string> topic_filters(const Cast& cast);

// Rows of the table for this role that none of these topics would be allowed by, as text: must be empty, or
// the table has a form that the kit does not know.
std::vector<std::string> rows_not_tried(const Principal& who, const Cast& cast);

}  // namespace duet::privacy
